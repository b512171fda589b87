/* Byte order conversions, by the names libbpf gives them. clang computes __builtin_bswap of a constant itself. */
#ifndef __BPF_ENDIAN__
#define __BPF_ENDIAN__

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ___bpf_network16(x) ((__u16)__builtin_bswap16(x))
#define ___bpf_network32(x) ((__u32)__builtin_bswap32(x))
#define ___bpf_network64(x) ((__u64)__builtin_bswap64(x))
#else
#define ___bpf_network16(x) ((__u16)(x))
#define ___bpf_network32(x) ((__u32)(x))
#define ___bpf_network64(x) ((__u64)(x))
#endif

#define __bpf_htons(x) ___bpf_network16(x)
#define __bpf_ntohs(x) ___bpf_network16(x)
#define __bpf_htonl(x) ___bpf_network32(x)
#define __bpf_ntohl(x) ___bpf_network32(x)
#define __bpf_cpu_to_be64(x) ___bpf_network64(x)
#define __bpf_be64_to_cpu(x) ___bpf_network64(x)
/* For initialisers and case labels. */
#define __bpf_constant_htons(x) ___bpf_network16(x)
#define __bpf_constant_ntohs(x) ___bpf_network16(x)
#define __bpf_constant_htonl(x) ___bpf_network32(x)
#define __bpf_constant_ntohl(x) ___bpf_network32(x)
#define __bpf_constant_cpu_to_be64(x) ___bpf_network64(x)
#define __bpf_constant_be64_to_cpu(x) ___bpf_network64(x)

#define bpf_htons(x) ___bpf_network16(x)
#define bpf_ntohs(x) ___bpf_network16(x)
#define bpf_htonl(x) ___bpf_network32(x)
#define bpf_ntohl(x) ___bpf_network32(x)
#define bpf_cpu_to_be64(x) ___bpf_network64(x)
#define bpf_be64_to_cpu(x) ___bpf_network64(x)

#endif
