/* Must be found broken. A producer looks whether the consumer sleeps after its push, not at what the push replaced. */
#define BROKEN_WAKE_FROM_A_LATER_LOOK
#include "notify.pml"
