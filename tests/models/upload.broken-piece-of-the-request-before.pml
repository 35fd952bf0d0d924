/* Must be found broken. A piece is sent without a look at the request that it was read for. */
#define BROKEN_PIECE_OF_THE_REQUEST_BEFORE
#include "upload.pml"
