/* Must be found broken. The consumer looks whether the list is empty and then declares itself asleep. */
#define BROKEN_ARM_IN_TWO_STEPS
#include "notify.pml"
