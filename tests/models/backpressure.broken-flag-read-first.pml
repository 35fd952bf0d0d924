/* Must be found broken. The reader looks at the flag before it says what it has read (a store that is seen late). */
#define BROKEN_FLAG_READ_FIRST
#include "backpressure.pml"
