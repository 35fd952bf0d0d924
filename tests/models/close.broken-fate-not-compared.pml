/* Must be found broken. The I/O thread does not look whether the owner ended the operation first. */
#define BROKEN_FATE_NOT_COMPARED
#include "close.pml"
