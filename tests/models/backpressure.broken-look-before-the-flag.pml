/* Must be found broken. The writer looks at what was read before it says that it stalls (a store that is seen late). */
#define BROKEN_LOOK_BEFORE_THE_FLAG
#include "backpressure.pml"
