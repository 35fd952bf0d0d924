/* Must be found broken. The writer says that it stalls and does not look again whether there is room. */
#define BROKEN_NO_SECOND_LOOK
#include "backpressure.pml"
