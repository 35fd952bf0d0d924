/* Must be found broken. Another request forgets that a piece is on its way. */
#define BROKEN_AGAIN_FORGETS_WHAT_IT_ASKED
#include "upload.pml"
