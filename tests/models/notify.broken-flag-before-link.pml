/* Must be found broken. The consumer clears the flag of a node before it has read its link. */
#define BROKEN_FLAG_BEFORE_LINK
#include "notify.pml"
