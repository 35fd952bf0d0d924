/* Must be found broken. The owner does not release what it took from the list. */
#define BROKEN_COLLECT_KEEPS_ITS_REFERENCE
#include "close.pml"
