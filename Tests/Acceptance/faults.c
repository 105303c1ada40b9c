/* LD_PRELOAD: a disk that says "synced" and is not, for the control of the power cut. */
int fsync(int descriptor) { (void)descriptor; return 0; }
int fdatasync(int descriptor) { (void)descriptor; return 0; }
