/* Must be found broken. Who is held by the grant is not among those for whom flow_tick says when to come again. */
#define BROKEN_GRANT_AFTER_THE_TICK
#include "budget.pml"
