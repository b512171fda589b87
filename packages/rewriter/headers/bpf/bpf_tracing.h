/* Arguments and results of probes and programs, by the names libbpf 1.x gives them. */
#ifndef __BPF_TRACING_H__
#define __BPF_TRACING_H__

#include "bpf_helpers.h"
#include "bpf_core_read.h"

/* The machine whose registers are meant: -D__TARGET_ARCH_x86 and so on, or the compiler's own. */
#if defined(__TARGET_ARCH_x86)
#define bpf_target_x86
#elif defined(__TARGET_ARCH_s390)
#define bpf_target_s390
#elif defined(__TARGET_ARCH_arm)
#define bpf_target_arm
#elif defined(__TARGET_ARCH_arm64)
#define bpf_target_arm64
#elif defined(__TARGET_ARCH_mips)
#define bpf_target_mips
#elif defined(__TARGET_ARCH_powerpc)
#define bpf_target_powerpc
#elif defined(__TARGET_ARCH_sparc)
#define bpf_target_sparc
#elif defined(__TARGET_ARCH_riscv)
#define bpf_target_riscv
#elif defined(__TARGET_ARCH_arc)
#define bpf_target_arc
#elif defined(__TARGET_ARCH_loongarch)
#define bpf_target_loongarch
#elif defined(__x86_64__)
#define bpf_target_x86
#elif defined(__s390__)
#define bpf_target_s390
#elif defined(__arm__)
#define bpf_target_arm
#elif defined(__aarch64__)
#define bpf_target_arm64
#elif defined(__mips__)
#define bpf_target_mips
#elif defined(__powerpc__)
#define bpf_target_powerpc
#elif defined(__sparc__)
#define bpf_target_sparc
#elif defined(__riscv)
#define bpf_target_riscv
#elif defined(__arc__)
#define bpf_target_arc
#elif defined(__loongarch__)
#define bpf_target_loongarch
#else
#define ___bpf_no_target
#endif
#ifndef ___bpf_no_target
#define bpf_target_defined
#endif
#ifndef __BPF_TARGET_MISSING
#define __BPF_TARGET_MISSING "GCC error \"Say which machine with -D__TARGET_ARCH_x86, -D__TARGET_ARCH_arm64 and so on\""
#endif

/*
 * Registers of the calling conventions (System V x86-64 psABI, AAPCS64, RISC-V ELF psABI and so on) and of system calls
 * (syscall(2)). Structures that lack a register in one kernel and have it in another are CO-RE flavours.
 */
#if defined(bpf_target_x86)
#if defined(__KERNEL__) || defined(__VMLINUX_H__)
#define __PT_PARM1_REG di
#define __PT_PARM2_REG si
#define __PT_PARM3_REG dx
#define __PT_PARM4_REG cx
#define __PT_PARM5_REG r8
#define __PT_PARM6_REG r9
#define __PT_PARM1_SYSCALL_REG di
#define __PT_PARM2_SYSCALL_REG si
#define __PT_PARM3_SYSCALL_REG dx
#define __PT_PARM4_SYSCALL_REG r10
#define __PT_PARM5_SYSCALL_REG r8
#define __PT_PARM6_SYSCALL_REG r9
#define __PT_RET_REG sp
#define __PT_FP_REG bp
#define __PT_RC_REG ax
#define __PT_SP_REG sp
#define __PT_IP_REG ip
#else /* struct pt_regs of user space */
#define __PT_PARM1_REG rdi
#define __PT_PARM2_REG rsi
#define __PT_PARM3_REG rdx
#define __PT_PARM4_REG rcx
#define __PT_PARM5_REG r8
#define __PT_PARM6_REG r9
#define __PT_PARM1_SYSCALL_REG rdi
#define __PT_PARM2_SYSCALL_REG rsi
#define __PT_PARM3_SYSCALL_REG rdx
#define __PT_PARM4_SYSCALL_REG r10
#define __PT_PARM5_SYSCALL_REG r8
#define __PT_PARM6_SYSCALL_REG r9
#define __PT_RET_REG rsp
#define __PT_FP_REG rbp
#define __PT_RC_REG rax
#define __PT_SP_REG rsp
#define __PT_IP_REG rip
#endif
#elif defined(bpf_target_s390)
#define __PT_REGS_CAST(x) ((const user_pt_regs *)(x))
#define __PT_PARM1_REG gprs[2]
#define __PT_PARM2_REG gprs[3]
#define __PT_PARM3_REG gprs[4]
#define __PT_PARM4_REG gprs[5]
#define __PT_PARM5_REG gprs[6]
#define __PT_PARM1_SYSCALL_REG orig_gpr2
#define __PT_PARM2_SYSCALL_REG gprs[3]
#define __PT_PARM3_SYSCALL_REG gprs[4]
#define __PT_PARM4_SYSCALL_REG gprs[5]
#define __PT_PARM5_SYSCALL_REG gprs[6]
#define __PT_PARM6_SYSCALL_REG gprs[7]
#define __PT_RET_REG gprs[14]
#define __PT_FP_REG gprs[11]
#define __PT_RC_REG gprs[2]
#define __PT_SP_REG gprs[15]
#define __PT_IP_REG psw.addr
struct pt_regs___s390 { unsigned long orig_gpr2; } __attribute__((preserve_access_index));
#define PT_REGS_PARM1_SYSCALL(x) (((const struct pt_regs___s390 *)(x))->orig_gpr2)
#define PT_REGS_PARM1_CORE_SYSCALL(x) BPF_CORE_READ((const struct pt_regs___s390 *)(x), orig_gpr2)
#elif defined(bpf_target_arm)
#define __PT_PARM1_REG uregs[0]
#define __PT_PARM2_REG uregs[1]
#define __PT_PARM3_REG uregs[2]
#define __PT_PARM4_REG uregs[3]
#define __PT_PARM1_SYSCALL_REG uregs[0]
#define __PT_PARM2_SYSCALL_REG uregs[1]
#define __PT_PARM3_SYSCALL_REG uregs[2]
#define __PT_PARM4_SYSCALL_REG uregs[3]
#define __PT_PARM5_SYSCALL_REG uregs[4]
#define __PT_PARM6_SYSCALL_REG uregs[5]
#define __PT_PARM7_SYSCALL_REG uregs[6]
#define __PT_RET_REG uregs[14]
#define __PT_FP_REG uregs[11]
#define __PT_RC_REG uregs[0]
#define __PT_SP_REG uregs[13]
#define __PT_IP_REG uregs[12]
#elif defined(bpf_target_arm64)
#define __PT_REGS_CAST(x) ((const struct user_pt_regs *)(x))
#define __PT_PARM1_REG regs[0]
#define __PT_PARM2_REG regs[1]
#define __PT_PARM3_REG regs[2]
#define __PT_PARM4_REG regs[3]
#define __PT_PARM5_REG regs[4]
#define __PT_PARM6_REG regs[5]
#define __PT_PARM7_REG regs[6]
#define __PT_PARM8_REG regs[7]
#define __PT_PARM1_SYSCALL_REG orig_x0
#define __PT_PARM2_SYSCALL_REG regs[1]
#define __PT_PARM3_SYSCALL_REG regs[2]
#define __PT_PARM4_SYSCALL_REG regs[3]
#define __PT_PARM5_SYSCALL_REG regs[4]
#define __PT_PARM6_SYSCALL_REG regs[5]
#define __PT_RET_REG regs[30]
#define __PT_FP_REG regs[29]
#define __PT_RC_REG regs[0]
#define __PT_SP_REG sp
#define __PT_IP_REG pc
struct pt_regs___arm64 { unsigned long orig_x0; } __attribute__((preserve_access_index));
#define PT_REGS_PARM1_SYSCALL(x) (((const struct pt_regs___arm64 *)(x))->orig_x0)
#define PT_REGS_PARM1_CORE_SYSCALL(x) BPF_CORE_READ((const struct pt_regs___arm64 *)(x), orig_x0)
#elif defined(bpf_target_mips)
#define __PT_PARM1_REG regs[4]
#define __PT_PARM2_REG regs[5]
#define __PT_PARM3_REG regs[6]
#define __PT_PARM4_REG regs[7]
#define __PT_PARM5_REG regs[8]
#define __PT_PARM6_REG regs[9]
#define __PT_PARM7_REG regs[10]
#define __PT_PARM8_REG regs[11]
#define __PT_PARM1_SYSCALL_REG regs[4]
#define __PT_PARM2_SYSCALL_REG regs[5]
#define __PT_PARM3_SYSCALL_REG regs[6]
#define __PT_PARM4_SYSCALL_REG regs[7]
#define __PT_PARM5_SYSCALL_REG regs[8]
#define __PT_PARM6_SYSCALL_REG regs[9]
#define __PT_RET_REG regs[31]
#define __PT_FP_REG regs[30]
#define __PT_RC_REG regs[2]
#define __PT_SP_REG regs[29]
#define __PT_IP_REG cp0_epc
#elif defined(bpf_target_powerpc)
#define __PT_PARM1_REG gpr[3]
#define __PT_PARM2_REG gpr[4]
#define __PT_PARM3_REG gpr[5]
#define __PT_PARM4_REG gpr[6]
#define __PT_PARM5_REG gpr[7]
#define __PT_PARM6_REG gpr[8]
#define __PT_PARM7_REG gpr[9]
#define __PT_PARM8_REG gpr[10]
#define __PT_PARM1_SYSCALL_REG orig_gpr3
#define __PT_PARM2_SYSCALL_REG gpr[4]
#define __PT_PARM3_SYSCALL_REG gpr[5]
#define __PT_PARM4_SYSCALL_REG gpr[6]
#define __PT_PARM5_SYSCALL_REG gpr[7]
#define __PT_PARM6_SYSCALL_REG gpr[8]
#define __PT_PARM7_SYSCALL_REG gpr[9]
#define __PT_RET_REG regs[31]
#define __PT_FP_REG __unsupported__
#define __PT_RC_REG gpr[3]
#define __PT_SP_REG gpr[1]
#define __PT_IP_REG nip
#define PT_REGS_SYSCALL_REGS(ctx) ctx
#elif defined(bpf_target_sparc)
#define __PT_PARM1_REG u_regs[UREG_I0]
#define __PT_PARM2_REG u_regs[UREG_I1]
#define __PT_PARM3_REG u_regs[UREG_I2]
#define __PT_PARM4_REG u_regs[UREG_I3]
#define __PT_PARM5_REG u_regs[UREG_I4]
#define __PT_PARM6_REG u_regs[UREG_I5]
#define __PT_PARM1_SYSCALL_REG u_regs[UREG_I0]
#define __PT_PARM2_SYSCALL_REG u_regs[UREG_I1]
#define __PT_PARM3_SYSCALL_REG u_regs[UREG_I2]
#define __PT_PARM4_SYSCALL_REG u_regs[UREG_I3]
#define __PT_PARM5_SYSCALL_REG u_regs[UREG_I4]
#define __PT_PARM6_SYSCALL_REG u_regs[UREG_I5]
#define __PT_RET_REG u_regs[UREG_I7]
#define __PT_FP_REG __unsupported__
#define __PT_RC_REG u_regs[UREG_I0]
#define __PT_SP_REG u_regs[UREG_FP]
#define __PT_IP_REG tpc
#elif defined(bpf_target_riscv)
#define __PT_REGS_CAST(x) ((const struct user_regs_struct *)(x))
#define __PT_PARM1_REG a0
#define __PT_PARM2_REG a1
#define __PT_PARM3_REG a2
#define __PT_PARM4_REG a3
#define __PT_PARM5_REG a4
#define __PT_PARM6_REG a5
#define __PT_PARM7_REG a6
#define __PT_PARM8_REG a7
#define __PT_PARM1_SYSCALL_REG orig_a0
#define __PT_PARM2_SYSCALL_REG a1
#define __PT_PARM3_SYSCALL_REG a2
#define __PT_PARM4_SYSCALL_REG a3
#define __PT_PARM5_SYSCALL_REG a4
#define __PT_PARM6_SYSCALL_REG a5
#define __PT_RET_REG ra
#define __PT_FP_REG s0
#define __PT_RC_REG a0
#define __PT_SP_REG sp
#define __PT_IP_REG pc
struct pt_regs___riscv { unsigned long orig_a0; } __attribute__((preserve_access_index));
#define PT_REGS_PARM1_SYSCALL(x) (((const struct pt_regs___riscv *)(x))->orig_a0)
#define PT_REGS_PARM1_CORE_SYSCALL(x) BPF_CORE_READ((const struct pt_regs___riscv *)(x), orig_a0)
#elif defined(bpf_target_arc)
#define __PT_REGS_CAST(x) ((const struct user_regs_struct *)(x))
#define __PT_PARM1_REG scratch.r0
#define __PT_PARM2_REG scratch.r1
#define __PT_PARM3_REG scratch.r2
#define __PT_PARM4_REG scratch.r3
#define __PT_PARM5_REG scratch.r4
#define __PT_PARM6_REG scratch.r5
#define __PT_PARM7_REG scratch.r6
#define __PT_PARM8_REG scratch.r7
#define __PT_PARM1_SYSCALL_REG scratch.r0
#define __PT_PARM2_SYSCALL_REG scratch.r1
#define __PT_PARM3_SYSCALL_REG scratch.r2
#define __PT_PARM4_SYSCALL_REG scratch.r3
#define __PT_PARM5_SYSCALL_REG scratch.r4
#define __PT_PARM6_SYSCALL_REG scratch.r5
#define __PT_RET_REG scratch.blink
#define __PT_FP_REG scratch.fp
#define __PT_RC_REG scratch.r0
#define __PT_SP_REG scratch.sp
#define __PT_IP_REG scratch.ret
#define PT_REGS_SYSCALL_REGS(ctx) ctx
#elif defined(bpf_target_loongarch)
#define __PT_REGS_CAST(x) ((const struct user_pt_regs *)(x))
#define __PT_PARM1_REG regs[4]
#define __PT_PARM2_REG regs[5]
#define __PT_PARM3_REG regs[6]
#define __PT_PARM4_REG regs[7]
#define __PT_PARM5_REG regs[8]
#define __PT_PARM6_REG regs[9]
#define __PT_PARM7_REG regs[10]
#define __PT_PARM8_REG regs[11]
#define __PT_PARM1_SYSCALL_REG regs[4]
#define __PT_PARM2_SYSCALL_REG regs[5]
#define __PT_PARM3_SYSCALL_REG regs[6]
#define __PT_PARM4_SYSCALL_REG regs[7]
#define __PT_PARM5_SYSCALL_REG regs[8]
#define __PT_PARM6_SYSCALL_REG regs[9]
#define __PT_RET_REG regs[1]
#define __PT_FP_REG regs[22]
#define __PT_RC_REG regs[4]
#define __PT_SP_REG regs[3]
#define __PT_IP_REG csr_era
#define PT_REGS_SYSCALL_REGS(ctx) ctx
#endif

struct pt_regs;

#ifdef bpf_target_defined
#ifndef __PT_REGS_CAST
#define __PT_REGS_CAST(x) (x)
#endif
/* What a machine passes on the stack has no register: the error names this member. */
#ifndef __PT_PARM5_REG
#define __PT_PARM5_REG __unsupported__
#endif
#ifndef __PT_PARM6_REG
#define __PT_PARM6_REG __unsupported__
#endif
#ifndef __PT_PARM7_REG
#define __PT_PARM7_REG __unsupported__
#endif
#ifndef __PT_PARM8_REG
#define __PT_PARM8_REG __unsupported__
#endif
#ifndef __PT_PARM7_SYSCALL_REG
#define __PT_PARM7_SYSCALL_REG __unsupported__
#endif
#define ___bpf_register(x, register) (__PT_REGS_CAST(x)->register)
#define ___bpf_register_core(x, register) BPF_CORE_READ(__PT_REGS_CAST(x), register)
#else
#define ___bpf_register(x, register) ({ _Pragma(__BPF_TARGET_MISSING); 0l; })
#define ___bpf_register_core(x, register) ___bpf_register(x, register)
#endif

#define PT_REGS_PARM1(x) ___bpf_register(x, __PT_PARM1_REG)
#define PT_REGS_PARM1_CORE(x) ___bpf_register_core(x, __PT_PARM1_REG)
#define PT_REGS_PARM2(x) ___bpf_register(x, __PT_PARM2_REG)
#define PT_REGS_PARM2_CORE(x) ___bpf_register_core(x, __PT_PARM2_REG)
#define PT_REGS_PARM3(x) ___bpf_register(x, __PT_PARM3_REG)
#define PT_REGS_PARM3_CORE(x) ___bpf_register_core(x, __PT_PARM3_REG)
#define PT_REGS_PARM4(x) ___bpf_register(x, __PT_PARM4_REG)
#define PT_REGS_PARM4_CORE(x) ___bpf_register_core(x, __PT_PARM4_REG)
#define PT_REGS_PARM5(x) ___bpf_register(x, __PT_PARM5_REG)
#define PT_REGS_PARM5_CORE(x) ___bpf_register_core(x, __PT_PARM5_REG)
#define PT_REGS_PARM6(x) ___bpf_register(x, __PT_PARM6_REG)
#define PT_REGS_PARM6_CORE(x) ___bpf_register_core(x, __PT_PARM6_REG)
#define PT_REGS_PARM7(x) ___bpf_register(x, __PT_PARM7_REG)
#define PT_REGS_PARM7_CORE(x) ___bpf_register_core(x, __PT_PARM7_REG)
#define PT_REGS_PARM8(x) ___bpf_register(x, __PT_PARM8_REG)
#define PT_REGS_PARM8_CORE(x) ___bpf_register_core(x, __PT_PARM8_REG)
#define PT_REGS_RET(x) ___bpf_register(x, __PT_RET_REG)
#define PT_REGS_RET_CORE(x) ___bpf_register_core(x, __PT_RET_REG)
#define PT_REGS_FP(x) ___bpf_register(x, __PT_FP_REG)
#define PT_REGS_FP_CORE(x) ___bpf_register_core(x, __PT_FP_REG)
#define PT_REGS_RC(x) ___bpf_register(x, __PT_RC_REG)
#define PT_REGS_RC_CORE(x) ___bpf_register_core(x, __PT_RC_REG)
#define PT_REGS_SP(x) ___bpf_register(x, __PT_SP_REG)
#define PT_REGS_SP_CORE(x) ___bpf_register_core(x, __PT_SP_REG)
#define PT_REGS_IP(x) ___bpf_register(x, __PT_IP_REG)
#define PT_REGS_IP_CORE(x) ___bpf_register_core(x, __PT_IP_REG)
#ifndef PT_REGS_PARM1_SYSCALL
#define PT_REGS_PARM1_SYSCALL(x) ___bpf_register(x, __PT_PARM1_SYSCALL_REG)
#define PT_REGS_PARM1_CORE_SYSCALL(x) ___bpf_register_core(x, __PT_PARM1_SYSCALL_REG)
#endif
#define PT_REGS_PARM2_SYSCALL(x) ___bpf_register(x, __PT_PARM2_SYSCALL_REG)
#define PT_REGS_PARM2_CORE_SYSCALL(x) ___bpf_register_core(x, __PT_PARM2_SYSCALL_REG)
#define PT_REGS_PARM3_SYSCALL(x) ___bpf_register(x, __PT_PARM3_SYSCALL_REG)
#define PT_REGS_PARM3_CORE_SYSCALL(x) ___bpf_register_core(x, __PT_PARM3_SYSCALL_REG)
#define PT_REGS_PARM4_SYSCALL(x) ___bpf_register(x, __PT_PARM4_SYSCALL_REG)
#define PT_REGS_PARM4_CORE_SYSCALL(x) ___bpf_register_core(x, __PT_PARM4_SYSCALL_REG)
#define PT_REGS_PARM5_SYSCALL(x) ___bpf_register(x, __PT_PARM5_SYSCALL_REG)
#define PT_REGS_PARM5_CORE_SYSCALL(x) ___bpf_register_core(x, __PT_PARM5_SYSCALL_REG)
#define PT_REGS_PARM6_SYSCALL(x) ___bpf_register(x, __PT_PARM6_SYSCALL_REG)
#define PT_REGS_PARM6_CORE_SYSCALL(x) ___bpf_register_core(x, __PT_PARM6_SYSCALL_REG)
#define PT_REGS_PARM7_SYSCALL(x) ___bpf_register(x, __PT_PARM7_SYSCALL_REG)
#define PT_REGS_PARM7_CORE_SYSCALL(x) ___bpf_register_core(x, __PT_PARM7_SYSCALL_REG)

/* The caller's address: from the link register, or from the stack where the frame pointer says it is. */
#ifndef bpf_target_defined
#define BPF_KPROBE_READ_RET_IP(ip, ctx) ({ _Pragma(__BPF_TARGET_MISSING); 0l; })
#define BPF_KRETPROBE_READ_RET_IP(ip, ctx) ({ _Pragma(__BPF_TARGET_MISSING); 0l; })
#elif defined(bpf_target_powerpc)
#define BPF_KPROBE_READ_RET_IP(ip, ctx) ({ (ip) = (ctx)->link; })
#define BPF_KRETPROBE_READ_RET_IP BPF_KPROBE_READ_RET_IP
#elif defined(bpf_target_sparc) || defined(bpf_target_arm64)
#define BPF_KPROBE_READ_RET_IP(ip, ctx) ({ (ip) = PT_REGS_RET(ctx); })
#define BPF_KRETPROBE_READ_RET_IP BPF_KPROBE_READ_RET_IP
#else
#define BPF_KPROBE_READ_RET_IP(ip, ctx) ({ bpf_probe_read_kernel(&(ip), sizeof(ip), (void *)PT_REGS_RET(ctx)); })
#define BPF_KRETPROBE_READ_RET_IP(ip, ctx) \
	({ bpf_probe_read_kernel(&(ip), sizeof(ip), (void *)(PT_REGS_FP(ctx) + sizeof(ip))); })
#endif

/*
 * The registers of user space in a program on a system call's function. Since Linux 4.17 (x86-64) and 4.19 (arm64, s390)
 * that function has them as its one argument.
 */
#ifndef PT_REGS_SYSCALL_REGS
#define PT_REGS_SYSCALL_REGS(ctx) ((struct pt_regs *)PT_REGS_PARM1(ctx))
#endif

#define ___bpf_list(of, args...) ___bpf_apply(of, ___bpf_narg(args))(args)

/* Arguments in the array that programs with BTF types get: ctx[0], ctx[1] ... */
#define ___bpf_ctx_cast0() ctx
#define ___bpf_ctx_cast1(x) ___bpf_ctx_cast0(), ctx[0]
#define ___bpf_ctx_cast2(x, rest...) ___bpf_ctx_cast1(rest), ctx[1]
#define ___bpf_ctx_cast3(x, rest...) ___bpf_ctx_cast2(rest), ctx[2]
#define ___bpf_ctx_cast4(x, rest...) ___bpf_ctx_cast3(rest), ctx[3]
#define ___bpf_ctx_cast5(x, rest...) ___bpf_ctx_cast4(rest), ctx[4]
#define ___bpf_ctx_cast6(x, rest...) ___bpf_ctx_cast5(rest), ctx[5]
#define ___bpf_ctx_cast7(x, rest...) ___bpf_ctx_cast6(rest), ctx[6]
#define ___bpf_ctx_cast8(x, rest...) ___bpf_ctx_cast7(rest), ctx[7]
#define ___bpf_ctx_cast9(x, rest...) ___bpf_ctx_cast8(rest), ctx[8]
#define ___bpf_ctx_cast10(x, rest...) ___bpf_ctx_cast9(rest), ctx[9]
#define ___bpf_ctx_cast11(x, rest...) ___bpf_ctx_cast10(rest), ctx[10]
#define ___bpf_ctx_cast12(x, rest...) ___bpf_ctx_cast11(rest), ctx[11]
/* Arguments in registers. */
#define ___bpf_kprobe_args0() ctx
#define ___bpf_kprobe_args1(x) ___bpf_kprobe_args0(), (unsigned long long)PT_REGS_PARM1(ctx)
#define ___bpf_kprobe_args2(x, rest...) ___bpf_kprobe_args1(rest), (unsigned long long)PT_REGS_PARM2(ctx)
#define ___bpf_kprobe_args3(x, rest...) ___bpf_kprobe_args2(rest), (unsigned long long)PT_REGS_PARM3(ctx)
#define ___bpf_kprobe_args4(x, rest...) ___bpf_kprobe_args3(rest), (unsigned long long)PT_REGS_PARM4(ctx)
#define ___bpf_kprobe_args5(x, rest...) ___bpf_kprobe_args4(rest), (unsigned long long)PT_REGS_PARM5(ctx)
#define ___bpf_kprobe_args6(x, rest...) ___bpf_kprobe_args5(rest), (unsigned long long)PT_REGS_PARM6(ctx)
#define ___bpf_kprobe_args7(x, rest...) ___bpf_kprobe_args6(rest), (unsigned long long)PT_REGS_PARM7(ctx)
#define ___bpf_kprobe_args8(x, rest...) ___bpf_kprobe_args7(rest), (unsigned long long)PT_REGS_PARM8(ctx)
#define ___bpf_kretprobe_args0() ctx
#define ___bpf_kretprobe_args1(x) ___bpf_kretprobe_args0(), (unsigned long long)PT_REGS_RC(ctx)
/* Arguments of system calls, in `regs`: the context itself, or memory that has to be read. */
#define ___bpf_syscall_args0() ctx
#define ___bpf_syscall_args1(x) ___bpf_syscall_args0(), (unsigned long long)PT_REGS_PARM1_SYSCALL(regs)
#define ___bpf_syscall_args2(x, rest...) ___bpf_syscall_args1(rest), (unsigned long long)PT_REGS_PARM2_SYSCALL(regs)
#define ___bpf_syscall_args3(x, rest...) ___bpf_syscall_args2(rest), (unsigned long long)PT_REGS_PARM3_SYSCALL(regs)
#define ___bpf_syscall_args4(x, rest...) ___bpf_syscall_args3(rest), (unsigned long long)PT_REGS_PARM4_SYSCALL(regs)
#define ___bpf_syscall_args5(x, rest...) ___bpf_syscall_args4(rest), (unsigned long long)PT_REGS_PARM5_SYSCALL(regs)
#define ___bpf_syscall_args6(x, rest...) ___bpf_syscall_args5(rest), (unsigned long long)PT_REGS_PARM6_SYSCALL(regs)
#define ___bpf_syscall_args7(x, rest...) ___bpf_syscall_args6(rest), (unsigned long long)PT_REGS_PARM7_SYSCALL(regs)
#define ___bpf_syswrap_args0() ctx
#define ___bpf_syswrap_args1(x) ___bpf_syswrap_args0(), (unsigned long long)PT_REGS_PARM1_CORE_SYSCALL(regs)
#define ___bpf_syswrap_args2(x, rest...) ___bpf_syswrap_args1(rest), (unsigned long long)PT_REGS_PARM2_CORE_SYSCALL(regs)
#define ___bpf_syswrap_args3(x, rest...) ___bpf_syswrap_args2(rest), (unsigned long long)PT_REGS_PARM3_CORE_SYSCALL(regs)
#define ___bpf_syswrap_args4(x, rest...) ___bpf_syswrap_args3(rest), (unsigned long long)PT_REGS_PARM4_CORE_SYSCALL(regs)
#define ___bpf_syswrap_args5(x, rest...) ___bpf_syswrap_args4(rest), (unsigned long long)PT_REGS_PARM5_CORE_SYSCALL(regs)
#define ___bpf_syswrap_args6(x, rest...) ___bpf_syswrap_args5(rest), (unsigned long long)PT_REGS_PARM6_CORE_SYSCALL(regs)
#define ___bpf_syswrap_args7(x, rest...) ___bpf_syswrap_args6(rest), (unsigned long long)PT_REGS_PARM7_CORE_SYSCALL(regs)

/*
 * name(context) is the program; it hands the arguments, converted to the types of the parameters, to the body that follows
 * the macro. `call` returns what the body returns.
 */
#define ___bpf_program(context, call, name, body, args...) \
	name(context); \
	static __always_inline typeof(name(0)) body(context, ##args); \
	typeof(name(0)) name(context) \
	{ \
		_Pragma("clang diagnostic push") \
		_Pragma("clang diagnostic ignored \"-Wint-conversion\"") \
		return call; \
		_Pragma("clang diagnostic pop") \
	} \
	static __always_inline typeof(name(0)) body(context, ##args)

#define BPF_PROG(name, args...) \
	___bpf_program(unsigned long long *ctx, ____##name(___bpf_list(___bpf_ctx_cast, ##args)), name, ____##name, ##args)
#define BPF_KPROBE(name, args...) \
	___bpf_program(struct pt_regs *ctx, ____##name(___bpf_list(___bpf_kprobe_args, ##args)), name, ____##name, ##args)
#define BPF_KRETPROBE(name, args...) \
	___bpf_program(struct pt_regs *ctx, ____##name(___bpf_list(___bpf_kretprobe_args, ##args)), name, ____##name, \
		       ##args)
#define BPF_UPROBE(name, args...) BPF_KPROBE(name, ##args)
#define BPF_URETPROBE(name, args...) BPF_KRETPROBE(name, ##args)

/* The loader says whether system call functions of the kernel take the registers as their one argument. */
#define BPF_KSYSCALL(name, args...) \
	name(struct pt_regs *ctx); \
	extern _Bool LINUX_HAS_SYSCALL_WRAPPER __kconfig; \
	static __always_inline typeof(name(0)) ____##name(struct pt_regs *ctx, ##args); \
	typeof(name(0)) name(struct pt_regs *ctx) \
	{ \
		struct pt_regs *regs = LINUX_HAS_SYSCALL_WRAPPER ? (struct pt_regs *)PT_REGS_PARM1(ctx) : ctx; \
		_Pragma("clang diagnostic push") \
		_Pragma("clang diagnostic ignored \"-Wint-conversion\"") \
		if (LINUX_HAS_SYSCALL_WRAPPER) \
			return ____##name(___bpf_list(___bpf_syswrap_args, ##args)); \
		else \
			return ____##name(___bpf_list(___bpf_syscall_args, ##args)); \
		_Pragma("clang diagnostic pop") \
	} \
	static __always_inline typeof(name(0)) ____##name(struct pt_regs *ctx, ##args)
#define BPF_KPROBE_SYSCALL BPF_KSYSCALL

/*
 * As BPF_PROG with type and name of each argument apart, for structures as arguments: (int, a, struct s, b). One of up to
 * eight bytes is in one word of the context, one of up to sixteen in two.
 */
#define ___bpf_nth2(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, N, ...) N
#define ___bpf_narg2(...) \
	___bpf_nth2(_, ##__VA_ARGS__, 12, 12, 11, 11, 10, 10, 9, 9, 8, 8, 7, 7, 6, 6, 5, 5, 4, 4, 3, 3, 2, 2, 1, 1, 0)
#define ___bpf_words(t) ((sizeof(t) + 7) / 8)
#define ___bpf_as(t, word, n) ({ union { word z[1]; t value; } ___whole = { .z = { ctx[n] } }; ___whole.value; })
#define ___bpf_as_two(t, n) \
	({ union { __u64 z[2]; t value; } ___whole = { .z = { ctx[n], ctx[(n) + 1] } }; ___whole.value; })
#define ___bpf_word_at(t, n) \
	__builtin_choose_expr(sizeof(t) == 1, ___bpf_as(t, __u8, n), \
	__builtin_choose_expr(sizeof(t) == 2, ___bpf_as(t, __u16, n), \
	__builtin_choose_expr(sizeof(t) == 4, ___bpf_as(t, __u32, n), \
	__builtin_choose_expr(sizeof(t) == 8, ___bpf_as(t, __u64, n), \
	__builtin_choose_expr(sizeof(t) == 16, ___bpf_as_two(t, n), (void)0)))))

#define ___bpf_ctx_decl0()
#define ___bpf_ctx_arg0(n)
#define ___bpf_ctx_decl1(t, x) , t x ___bpf_ctx_decl0()
#define ___bpf_ctx_decl2(t, x, rest...) , t x ___bpf_ctx_decl1(rest)
#define ___bpf_ctx_decl3(t, x, rest...) , t x ___bpf_ctx_decl2(rest)
#define ___bpf_ctx_decl4(t, x, rest...) , t x ___bpf_ctx_decl3(rest)
#define ___bpf_ctx_decl5(t, x, rest...) , t x ___bpf_ctx_decl4(rest)
#define ___bpf_ctx_decl6(t, x, rest...) , t x ___bpf_ctx_decl5(rest)
#define ___bpf_ctx_decl7(t, x, rest...) , t x ___bpf_ctx_decl6(rest)
#define ___bpf_ctx_decl8(t, x, rest...) , t x ___bpf_ctx_decl7(rest)
#define ___bpf_ctx_decl9(t, x, rest...) , t x ___bpf_ctx_decl8(rest)
#define ___bpf_ctx_decl10(t, x, rest...) , t x ___bpf_ctx_decl9(rest)
#define ___bpf_ctx_decl11(t, x, rest...) , t x ___bpf_ctx_decl10(rest)
#define ___bpf_ctx_decl12(t, x, rest...) , t x ___bpf_ctx_decl11(rest)
#define ___bpf_ctx_arg1(n, t, x) , ___bpf_word_at(t, n) ___bpf_ctx_arg0((n) + ___bpf_words(t))
#define ___bpf_ctx_arg2(n, t, x, rest...) , ___bpf_word_at(t, n) ___bpf_ctx_arg1((n) + ___bpf_words(t), rest)
#define ___bpf_ctx_arg3(n, t, x, rest...) , ___bpf_word_at(t, n) ___bpf_ctx_arg2((n) + ___bpf_words(t), rest)
#define ___bpf_ctx_arg4(n, t, x, rest...) , ___bpf_word_at(t, n) ___bpf_ctx_arg3((n) + ___bpf_words(t), rest)
#define ___bpf_ctx_arg5(n, t, x, rest...) , ___bpf_word_at(t, n) ___bpf_ctx_arg4((n) + ___bpf_words(t), rest)
#define ___bpf_ctx_arg6(n, t, x, rest...) , ___bpf_word_at(t, n) ___bpf_ctx_arg5((n) + ___bpf_words(t), rest)
#define ___bpf_ctx_arg7(n, t, x, rest...) , ___bpf_word_at(t, n) ___bpf_ctx_arg6((n) + ___bpf_words(t), rest)
#define ___bpf_ctx_arg8(n, t, x, rest...) , ___bpf_word_at(t, n) ___bpf_ctx_arg7((n) + ___bpf_words(t), rest)
#define ___bpf_ctx_arg9(n, t, x, rest...) , ___bpf_word_at(t, n) ___bpf_ctx_arg8((n) + ___bpf_words(t), rest)
#define ___bpf_ctx_arg10(n, t, x, rest...) , ___bpf_word_at(t, n) ___bpf_ctx_arg9((n) + ___bpf_words(t), rest)
#define ___bpf_ctx_arg11(n, t, x, rest...) , ___bpf_word_at(t, n) ___bpf_ctx_arg10((n) + ___bpf_words(t), rest)
#define ___bpf_ctx_arg12(n, t, x, rest...) , ___bpf_word_at(t, n) ___bpf_ctx_arg11((n) + ___bpf_words(t), rest)
#define ___bpf_ctx_decl(args...) ___bpf_apply(___bpf_ctx_decl, ___bpf_narg2(args))(args)
#define ___bpf_ctx_arg(args...) ___bpf_apply(___bpf_ctx_arg, ___bpf_narg2(args))(0, ##args)
#define BPF_PROG2(name, args...) \
	name(unsigned long long *ctx); \
	static __always_inline typeof(name(0)) ____##name(unsigned long long *ctx ___bpf_ctx_decl(args)); \
	typeof(name(0)) name(unsigned long long *ctx) \
	{ \
		return ____##name(ctx ___bpf_ctx_arg(args)); \
	} \
	static __always_inline typeof(name(0)) ____##name(unsigned long long *ctx ___bpf_ctx_decl(args))

#endif
