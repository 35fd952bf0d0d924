/* Must be found broken. The I/O thread at its end drops what was handed over and not yet looked at. */
#define BROKEN_STOP_FORGETS_COMMANDS
#include "close.pml"
