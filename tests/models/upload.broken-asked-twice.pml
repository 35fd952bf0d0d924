/* Must be found broken. The owner is asked for a piece although one is on its way. */
#define BROKEN_ASKED_TWICE
#include "upload.pml"
