/* Must be found broken. resume() does not let libcurl go on. */
#define BROKEN_RESUME_ASKS_NOBODY
#include "backpressure.pml"
