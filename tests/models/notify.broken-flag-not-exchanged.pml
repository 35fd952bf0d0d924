/* Must be found broken. A producer looks at the flag and then sets it: two of them push one node. */
#define BROKEN_FLAG_NOT_EXCHANGED
#include "notify.pml"
