/* Must be found broken. A command for an operation that has ended is obeyed. */
#define BROKEN_ABORT_OF_WHAT_IS_DONE
#include "close.pml"
