/* Must be found broken. The notification list holds no reference on what is in it. */
#define BROKEN_PUSH_WITHOUT_A_REFERENCE
#include "mailbox.pml"
