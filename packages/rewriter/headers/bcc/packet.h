/* Access to packets as BCC offers it (facts: BCC 0.26, helpers.h): by offset, numbers in the program's byte order. */
#ifndef __BCC_PACKET_H
#define __BCC_PACKET_H

#ifndef BPF_PACKET_HEADER
#define BPF_PACKET_HEADER __attribute__((packed)) __attribute__((deprecated("packet")))
#endif

/* BPF_LD_ABS and BPF_LD_IND: outside of the packet they end the program with 0. */
unsigned long long load_byte(void *skb, unsigned long long offset) asm("llvm.bpf.load.byte");
unsigned long long load_half(void *skb, unsigned long long offset) asm("llvm.bpf.load.half");
unsigned long long load_word(void *skb, unsigned long long offset) asm("llvm.bpf.load.word");

static __always_inline unsigned long long load_dword(void *skb, unsigned long long offset)
{
	unsigned long long high = load_word(skb, offset);

	return high << 32 | load_word(skb, offset + 4);
}

static __always_inline void bpf_store_byte(void *skb, unsigned long long offset, unsigned long long value)
{
	__u8 byte = value;

	bpf_skb_store_bytes((struct __sk_buff *)skb, offset, &byte, sizeof(byte), 0);
}

static __always_inline void bpf_store_half(void *skb, unsigned long long offset, unsigned long long value)
{
	__u16 half = bpf_htons((__u16)value);

	bpf_skb_store_bytes((struct __sk_buff *)skb, offset, &half, sizeof(half), 0);
}

static __always_inline void bpf_store_word(void *skb, unsigned long long offset, unsigned long long value)
{
	__u32 word = bpf_htonl((__u32)value);

	bpf_skb_store_bytes((struct __sk_buff *)skb, offset, &word, sizeof(word), 0);
}

static __always_inline void bpf_store_dword(void *skb, unsigned long long offset, unsigned long long value)
{
	__u64 dword = bpf_cpu_to_be64(value);

	bpf_skb_store_bytes((struct __sk_buff *)skb, offset, &dword, sizeof(dword), 0);
}

/* The old value of an offset into the packet, which goes on by `length` bytes. */
#define cursor_advance(cursor, length) ({ void *___at = (void *)(cursor); (cursor) += (length); ___at; })

#define ___low_bits(n) ((n) < 64 ? (1ULL << (n)) - 1 : ~0ULL)

/* `bits` bits from bit `first` of the byte at `offset`; bit 0 is the most significant one. */
static __always_inline unsigned long long bpf_dext_pkt(void *skb, unsigned long long offset, unsigned long long first,
						       unsigned long long bits)
{
	unsigned long long end = first + bits;

	if (end <= 8)
		return load_byte(skb, offset) >> (8 - end) & ___low_bits(bits);
	if (end <= 16)
		return load_half(skb, offset) >> (16 - end) & ___low_bits(bits);
	if (end <= 32)
		return load_word(skb, offset) >> (32 - end) & ___low_bits(bits);
	if (end <= 64)
		return load_dword(skb, offset) >> (64 - end) & ___low_bits(bits);
	return 0;
}

/* Sets those bits; gives the value. */
static __always_inline unsigned long long bpf_dins_pkt(void *skb, unsigned long long offset, unsigned long long first,
						       unsigned long long bits, unsigned long long value)
{
	unsigned long long end = first + bits;
	unsigned long long width = end <= 8 ? 8 : end <= 16 ? 16 : end <= 32 ? 32 : 64;
	unsigned long long mask = ___low_bits(bits) << (width - end);
	unsigned long long changed = value << (width - end) & mask;

	if (bits < width) {
		unsigned long long old = width == 8  ? load_byte(skb, offset)
					 : width == 16 ? load_half(skb, offset)
					 : width == 32 ? load_word(skb, offset)
						       : load_dword(skb, offset);

		changed |= old & ~mask;
	}
	if (width == 8)
		bpf_store_byte(skb, offset, changed);
	else if (width == 16)
		bpf_store_half(skb, offset, changed);
	else if (width == 32)
		bpf_store_word(skb, offset, changed);
	else
		bpf_store_dword(skb, offset, changed);
	return value;
}

/* Helpers for checksums, with values in the program's byte order; the low four bits of `flags` are their size. */
static __always_inline int bpf_l3_csum_replace_(void *skb, __u64 offset, __u64 from, __u64 to, __u64 flags)
{
	switch (flags & 0xf) {
	case 2:
		return bpf_l3_csum_replace((struct __sk_buff *)skb, offset, bpf_htons((__u16)from), bpf_htons((__u16)to), flags);
	case 4:
		return bpf_l3_csum_replace((struct __sk_buff *)skb, offset, bpf_htonl((__u32)from), bpf_htonl((__u32)to), flags);
	case 8:
		return bpf_l3_csum_replace((struct __sk_buff *)skb, offset, bpf_cpu_to_be64(from), bpf_cpu_to_be64(to), flags);
	}
	return bpf_l3_csum_replace((struct __sk_buff *)skb, offset, from, to, flags);
}

static __always_inline int bpf_l4_csum_replace_(void *skb, __u64 offset, __u64 from, __u64 to, __u64 flags)
{
	switch (flags & 0xf) {
	case 2:
		return bpf_l4_csum_replace((struct __sk_buff *)skb, offset, bpf_htons((__u16)from), bpf_htons((__u16)to), flags);
	case 4:
		return bpf_l4_csum_replace((struct __sk_buff *)skb, offset, bpf_htonl((__u32)from), bpf_htonl((__u32)to), flags);
	case 8:
		return bpf_l4_csum_replace((struct __sk_buff *)skb, offset, bpf_cpu_to_be64(from), bpf_cpu_to_be64(to), flags);
	}
	return bpf_l4_csum_replace((struct __sk_buff *)skb, offset, from, to, flags);
}

#define bpf_incr_cksum_l3(skb, offset, from, to) \
	bpf_l3_csum_replace_(skb, (__u64)(offset), (__u64)(from), (__u64)(to), sizeof(to))
#define bpf_incr_cksum_l4(skb, offset, from, to, is_pseudo) \
	bpf_l4_csum_replace_(skb, (__u64)(offset), (__u64)(from), (__u64)(to), ((is_pseudo) & 1) << 4 | sizeof(to))

#endif
