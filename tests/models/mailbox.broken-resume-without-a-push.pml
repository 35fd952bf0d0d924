/* Must be found broken. resume() does not push the binding whose mail was passed over meanwhile. */
#define BROKEN_RESUME_WITHOUT_A_PUSH
#include "mailbox.pml"
