/* Must be found broken. A transfer that is resumed is let go on without a look at the band above it. */
#define BROKEN_RESUME_READS_THE_HELD
#include "budget.pml"
