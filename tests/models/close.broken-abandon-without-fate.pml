/* Must be found broken. The end of a thread sends the command, but does not decide who ended the operation. */
#define BROKEN_ABANDON_WITHOUT_FATE
#include "close.pml"
