/* Must be found broken. resume does not put the binding on its list, whose mail was passed over. */
#define BROKEN_RESUME_WITHOUT_A_PUSH
#include "upload.pml"
