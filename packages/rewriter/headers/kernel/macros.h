/* Kernel macros and inline functions that BTF cannot carry. Facts: Linux 6.1, the header named above each group. */

/* include/net/sock.h: members of struct sock_common under the names struct sock gives them. */
#define sk_node __sk_common.skc_node
#define sk_nulls_node __sk_common.skc_nulls_node
#define sk_refcnt __sk_common.skc_refcnt
#define sk_tx_queue_mapping __sk_common.skc_tx_queue_mapping
#define sk_rx_queue_mapping __sk_common.skc_rx_queue_mapping
#define sk_hash __sk_common.skc_hash
#define sk_portpair __sk_common.skc_portpair
#define sk_num __sk_common.skc_num
#define sk_dport __sk_common.skc_dport
#define sk_addrpair __sk_common.skc_addrpair
#define sk_daddr __sk_common.skc_daddr
#define sk_rcv_saddr __sk_common.skc_rcv_saddr
#define sk_family __sk_common.skc_family
#define sk_state __sk_common.skc_state
#define sk_reuse __sk_common.skc_reuse
#define sk_reuseport __sk_common.skc_reuseport
#define sk_ipv6only __sk_common.skc_ipv6only
#define sk_net_refcnt __sk_common.skc_net_refcnt
#define sk_bound_dev_if __sk_common.skc_bound_dev_if
#define sk_bind_node __sk_common.skc_bind_node
#define sk_prot __sk_common.skc_prot
#define sk_net __sk_common.skc_net
#define sk_v6_daddr __sk_common.skc_v6_daddr
#define sk_v6_rcv_saddr __sk_common.skc_v6_rcv_saddr
#define sk_cookie __sk_common.skc_cookie
#define sk_incoming_cpu __sk_common.skc_incoming_cpu
#define sk_flags __sk_common.skc_flags
#define sk_rxhash __sk_common.skc_rxhash
#define sk_rmem_alloc sk_backlog.rmem_alloc

/* include/net/inet_sock.h */
#define inet_daddr sk.__sk_common.skc_daddr
#define inet_rcv_saddr sk.__sk_common.skc_rcv_saddr
#define inet_dport sk.__sk_common.skc_dport
#define inet_num sk.__sk_common.skc_num

/* include/linux/inet_sock.h, include/linux/tcp.h and others: the socket behind a socket. */
#define inet_sk(sk) ((struct inet_sock *)(sk))
#define inet_csk(sk) ((struct inet_connection_sock *)(sk))
#define tcp_sk(sk) ((struct tcp_sock *)(sk))
#define udp_sk(sk) ((struct udp_sock *)(sk))
#define raw_sk(sk) ((struct raw_sock *)(sk))
#define unix_sk(sk) ((struct unix_sock *)(sk))

/* include/uapi/linux/in6.h */
#define s6_addr in6_u.u6_addr8
#define s6_addr16 in6_u.u6_addr16
#define s6_addr32 in6_u.u6_addr32

/* include/net/tcp.h: the control block in a packet buffer. */
#define TCP_SKB_CB(skb) ((struct tcp_skb_cb *)&((skb)->cb[0]))

/* include/linux/kdev_t.h */
#define MAJOR(dev) ((unsigned int)((dev) >> 20))
#define MINOR(dev) ((unsigned int)((dev) & 0xfffff))
#define MKDEV(major, minor) (((major) << 20) | (minor))

/* include/uapi/linux/stat.h */
#define S_ISLNK(m) (((m) & 0xf000) == 0xa000)
#define S_ISREG(m) (((m) & 0xf000) == 0x8000)
#define S_ISDIR(m) (((m) & 0xf000) == 0x4000)
#define S_ISCHR(m) (((m) & 0xf000) == 0x2000)
#define S_ISBLK(m) (((m) & 0xf000) == 0x6000)
#define S_ISFIFO(m) (((m) & 0xf000) == 0x1000)
#define S_ISSOCK(m) (((m) & 0xf000) == 0xc000)

/* include/linux/byteorder/generic.h */
#define ntohs(x) bpf_ntohs(x)
#define ntohl(x) bpf_ntohl(x)
#define htons(x) bpf_htons(x)
#define htonl(x) bpf_htonl(x)
#define be16_to_cpu(x) bpf_ntohs(x)
#define be32_to_cpu(x) bpf_ntohl(x)
#define be64_to_cpu(x) bpf_be64_to_cpu(x)
#define cpu_to_be16(x) bpf_htons(x)
#define cpu_to_be32(x) bpf_htonl(x)
#define cpu_to_be64(x) bpf_cpu_to_be64(x)
#define le16_to_cpu(x) ((__u16)(x))
#define le32_to_cpu(x) ((__u32)(x))
#define le64_to_cpu(x) ((__u64)(x))
#define cpu_to_le16(x) ((__u16)(x))
#define cpu_to_le32(x) ((__u32)(x))
#define cpu_to_le64(x) ((__u64)(x))
#define __constant_htons(x) bpf_htons(x)
#define __constant_htonl(x) bpf_htonl(x)
#define swab16(x) __builtin_bswap16(x)
#define swab32(x) __builtin_bswap32(x)
#define swab64(x) __builtin_bswap64(x)

/* bcc: the 64- and 128-bit forms */
#define bpf_ntohll(x) bpf_be64_to_cpu(x)
#define bpf_htonll(x) bpf_cpu_to_be64(x)
#define bpf_ntoh128(x) ({ unsigned __int128 ___in = (x); (unsigned __int128)bpf_ntohll((__u64)___in) << 64 | bpf_ntohll((__u64)(___in >> 64)); })
#define bpf_hton128(x) bpf_ntoh128(x)
#define MASK(n) ((n) < 64 ? (1ULL << (n)) - 1 : ~0ULL)
#define MASK128(n) ((n) < 128 ? ((unsigned __int128)1 << (n)) - 1 : ~(unsigned __int128)0)

/* include/linux/minmax.h */
#define min(x, y) ({ typeof(x) ___x = (x); typeof(y) ___y = (y); ___x < ___y ? ___x : ___y; })
#define max(x, y) ({ typeof(x) ___x = (x); typeof(y) ___y = (y); ___x > ___y ? ___x : ___y; })
#define min_t(type, x, y) ({ type ___x = (x); type ___y = (y); ___x < ___y ? ___x : ___y; })
#define max_t(type, x, y) ({ type ___x = (x); type ___y = (y); ___x > ___y ? ___x : ___y; })
#define clamp(value, low, high) min((typeof(value))max(value, low), high)

/* include/linux/compiler.h, include/asm-generic/rwonce.h */
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define READ_ONCE(x) (x)
#define WRITE_ONCE(x, value) ((x) = (value))
#define __maybe_unused __attribute__((unused))
#define __packed __attribute__((packed))
#define __aligned(x) __attribute__((aligned(x)))
#define fallthrough __attribute__((fallthrough))
#define __iomem
#define __rcu
#define __percpu
#define __force
#define __kernel
#define __read_mostly
#define notrace

/* include/linux/kernel.h, include/linux/math.h, include/linux/math64.h, include/linux/bits.h */
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define DIV_ROUND_UP(n, d) (((n) + (d) - 1) / (d))
#define ALIGN(x, a) (((x) + ((typeof(x))(a) - 1)) & ~((typeof(x))(a) - 1))
#define round_up(x, y) ((((x) - 1) | ((typeof(x))((y) - 1))) + 1)
#define round_down(x, y) ((x) & ~((typeof(x))((y) - 1)))
#define roundup(x, y) ((((x) + ((y) - 1)) / (y)) * (y))
#define rounddown(x, y) ((x) - ((x) % (y)))
#define div_u64(dividend, divisor) ((u64)(dividend) / (u32)(divisor))
#define div64_u64(dividend, divisor) ((u64)(dividend) / (u64)(divisor))
#define mult_frac(x, numer, denom) ((x) / (denom) * (numer) + (x) % (denom) * (numer) / (denom))
#define BIT(nr) (1UL << (nr))
#define BIT_ULL(nr) (1ULL << (nr))
#define GENMASK(high, low) ((~0UL << (low)) & (~0UL >> (63 - (high))))
#define GENMASK_ULL(high, low) ((~0ULL << (low)) & (~0ULL >> (63 - (high))))
#define upper_32_bits(n) ((u32)((u64)(n) >> 32))
#define lower_32_bits(n) ((u32)(n))
#define sizeof_field(type, member) sizeof(((type *)0)->member)
#define offsetofend(type, member) (offsetof(type, member) + sizeof_field(type, member))
#define ilog2(n) (63 - __builtin_clzll(n))

/* include/linux/err.h */
#define IS_ERR_VALUE(x) ((unsigned long)(void *)(x) >= (unsigned long)-4095)
#define IS_ERR(pointer) IS_ERR_VALUE((unsigned long)(pointer))
#define IS_ERR_OR_NULL(pointer) (!(pointer) || IS_ERR_VALUE((unsigned long)(pointer)))
#define PTR_ERR(pointer) ((long)(pointer))
#define ERR_PTR(error) ((void *)(long)(error))

/* include/linux/list.h */
#define list_entry(pointer, type, member) container_of(pointer, type, member)
#define list_first_entry(pointer, type, member) list_entry(___kernel_member(pointer, next), type, member)
#define list_last_entry(pointer, type, member) list_entry(___kernel_member(pointer, prev), type, member)
#define hlist_entry(pointer, type, member) container_of(pointer, type, member)

/* include/linux/version.h */
#define KERNEL_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + ((c) > 255 ? 255 : (c)))

/* include/linux/skbuff.h */
#define skb_rx_queue_recorded(skb) (___kernel_member(skb, queue_mapping) != 0)
#define skb_get_rx_queue(skb) ((u16)(___kernel_member(skb, queue_mapping) - 1))

/* include/linux/scatterlist.h: the low two bits of page_link are flags. */
#define SG_CHAIN 1UL
#define SG_END 2UL
#define sg_is_chain(sg) (___kernel_member(sg, page_link) & SG_CHAIN)
#define sg_is_last(sg) (___kernel_member(sg, page_link) & SG_END)
#define sg_chain_ptr(sg) ((struct scatterlist *)(___kernel_member(sg, page_link) & ~(SG_CHAIN | SG_END)))

/* include/linux/page-flags.h: a folio's pages follow its head. */
#define folio_page(folio, n) (&(folio)->page + (n))

/* include/linux/mm_types.h, include/linux/atomic */
#define atomic_read(v) (___kernel_member(v, counter))
#define atomic64_read(v) (___kernel_member(v, counter))
#define atomic_long_read(v) (___kernel_member(v, counter))
#define refcount_read(r) (___kernel_member(r, refs.counter))

/* include/linux/dcache.h, include/linux/fs.h */
#define file_inode(file) (___kernel_member(file, f_inode))
#define d_inode(dentry) (___kernel_member(dentry, d_inode))
#define d_backing_inode(dentry) (___kernel_member(dentry, d_inode))
#define i_size_read(inode) (___kernel_member(inode, i_size))

/* include/linux/blkdev.h, include/linux/blk-mq.h */
#define blk_rq_pos(rq) (___kernel_member(rq, __sector))
#define blk_rq_bytes(rq) (___kernel_member(rq, __data_len))
#define blk_rq_sectors(rq) (___kernel_member(rq, __data_len) >> 9)
#define req_op(rq) ((enum req_op)(___kernel_member(rq, cmd_flags) & 0xff))

/* include/linux/sched.h */
#define task_pid_nr(task) (___kernel_member(task, pid))
#define task_tgid_nr(task) (___kernel_member(task, tgid))

/* include/linux/tcp.h, include/linux/ip.h: headers behind offsets of a packet buffer. */
#define skb_network_header(skb) (___kernel_member(skb, head) + ___kernel_member(skb, network_header))
#define skb_transport_header(skb) (___kernel_member(skb, head) + ___kernel_member(skb, transport_header))
#define ip_hdr(skb) ((struct iphdr *)skb_network_header(skb))
#define ipv6_hdr(skb) ((struct ipv6hdr *)skb_network_header(skb))
#define tcp_hdr(skb) ((struct tcphdr *)skb_transport_header(skb))
#define udp_hdr(skb) ((struct udphdr *)skb_transport_header(skb))

/* arch/x86/include/asm/page_64_types.h: start of the direct mapping with four and five levels of page tables. */
#define __PAGE_OFFSET_BASE_L4 0xffff888000000000UL
#define __PAGE_OFFSET_BASE_L5 0xff11000000000000UL
#define PAGE_OFFSET __PAGE_OFFSET_BASE_L4
#define __PAGE_OFFSET_BASE __PAGE_OFFSET_BASE_L4
#define __START_KERNEL_map 0xffffffff80000000UL

/* include/linux/types.h */
#define rcu_head callback_head
