/* Must be found broken. A transfer whose turn has come is let go on without a look at the band above it. */
#define BROKEN_GRANT_READS_THE_HELD
#include "budget.pml"
