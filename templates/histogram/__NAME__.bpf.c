/*
 * __NAME__: the sizes of block I/O requests, as a histogram.
 *
 * TRACEPOINT_PROBE attaches by itself to the tracepoint it names; `args` has the tracepoint's fields.
 * BPF_HISTOGRAM is printed when the program ends.
 */
#include <linux/blkdev.h>

BPF_HISTOGRAM(bytes);

TRACEPOINT_PROBE(block, block_rq_issue)
{
    bytes.increment(bpf_log2l(args->bytes));
    return 0;
}
