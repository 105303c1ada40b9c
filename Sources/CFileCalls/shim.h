// glibc functions that stand behind _GNU_SOURCE, which Swift's Glibc module does not define.
#ifndef LEADROUTER_CFILECALLS_SHIM_H
#define LEADROUTER_CFILECALLS_SHIM_H

#include <stddef.h>

// renameat2(2); the flag is Linux's RENAME_NOREPLACE.
#define LR_RENAME_NOREPLACE 1u
int renameat2(int, const char *, int, const char *, unsigned int);

// memmem(3)
void *memmem(const void *, size_t, const void *, size_t);

#endif
