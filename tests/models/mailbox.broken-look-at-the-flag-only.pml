/* Must be found broken. A producer looked at the flag before it wrote, and does not exchange it afterwards. */
#define BROKEN_LOOK_AT_THE_FLAG_ONLY
#include "mailbox.pml"
