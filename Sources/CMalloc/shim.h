// mallopt(3), mallinfo(3) and malloc_trim(3), which Swift's Glibc module does not have.
#include <malloc.h>
