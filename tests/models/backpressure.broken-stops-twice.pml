/* Must be found broken. A writer that was told to stop takes the flag back when what still comes of the buffer finds room. */
#define BROKEN_STOPS_TWICE
#include "backpressure.pml"
