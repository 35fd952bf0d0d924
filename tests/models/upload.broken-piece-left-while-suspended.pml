/* Must be found broken. A piece that comes while the transfer is suspended is not taken. */
#define BROKEN_PIECE_LEFT_WHILE_SUSPENDED
#include "upload.pml"
