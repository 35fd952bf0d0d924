/* Must be found broken. The owner reads its mail first and clears the flag afterwards. */
#define BROKEN_READ_BEFORE_CLEAR
#include "mailbox.pml"
