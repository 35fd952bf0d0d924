/* Must be found broken. A visit is spent on a transfer that cannot go on, and the next one waits for a turn that nothing brings about. */
#define BROKEN_VISIT_FOR_NOTHING
#include "budget.pml"
