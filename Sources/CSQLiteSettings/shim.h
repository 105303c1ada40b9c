// sqlite3_config(), which takes a varying number of arguments and so cannot be called from Swift.
#ifndef LEADROUTER_CSQLITESETTINGS_SHIM_H
#define LEADROUTER_CSQLITESETTINGS_SHIM_H

#include <sqlite3.h>

// SQLITE_CONFIG_MEMSTATUS off; only before SQLite is first used, else it is SQLITE_MISUSE and nothing
// changes.
static inline int lr_sqlite_count_no_memory(void) {
    return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

#endif
