/* Arguments and results of probes, by the names libbpf gives them. */
#ifndef __BPF_TRACING_H__
#define __BPF_TRACING_H__

#include "bpf_core_read.h"

#if !defined(__TARGET_ARCH_x86) && !defined(__TARGET_ARCH_arm64) && !defined(__TARGET_ARCH_s390) && \
	!defined(__TARGET_ARCH_riscv) && !defined(__TARGET_ARCH_powerpc) && !defined(__TARGET_ARCH_loongarch)
#define __TARGET_ARCH_x86
#endif

/* Registers of the calling conventions: System V x86-64 psABI, AAPCS64 ..., and of system calls. */
#if defined(__TARGET_ARCH_x86)
#define ___regs(x) (x)
#define ___reg_parm1 di
#define ___reg_parm2 si
#define ___reg_parm3 dx
#define ___reg_parm4 cx
#define ___reg_parm5 r8
#define ___reg_parm6 r9
#define ___reg_sys1 di
#define ___reg_sys2 si
#define ___reg_sys3 dx
#define ___reg_sys4 r10
#define ___reg_sys5 r8
#define ___reg_sys6 r9
#define ___reg_ret sp
#define ___reg_fp bp
#define ___reg_rc ax
#define ___reg_sp sp
#define ___reg_ip ip
#elif defined(__TARGET_ARCH_arm64)
#define ___regs(x) ((const volatile struct user_pt_regs *)(x))
#define ___reg_parm1 regs[0]
#define ___reg_parm2 regs[1]
#define ___reg_parm3 regs[2]
#define ___reg_parm4 regs[3]
#define ___reg_parm5 regs[4]
#define ___reg_parm6 regs[5]
#define ___reg_parm7 regs[6]
#define ___reg_parm8 regs[7]
#define ___reg_sys1 orig_x0
#define ___reg_sys2 regs[1]
#define ___reg_sys3 regs[2]
#define ___reg_sys4 regs[3]
#define ___reg_sys5 regs[4]
#define ___reg_sys6 regs[5]
#define ___reg_sys7 regs[6]
#define ___reg_sys8 regs[7]
#define ___reg_ret regs[30]
#define ___reg_fp regs[29]
#define ___reg_rc regs[0]
#define ___reg_sp sp
#define ___reg_ip pc
#elif defined(__TARGET_ARCH_s390)
#define ___regs(x) ((const volatile user_pt_regs *)(x))
#define ___reg_parm1 gprs[2]
#define ___reg_parm2 gprs[3]
#define ___reg_parm3 gprs[4]
#define ___reg_parm4 gprs[5]
#define ___reg_parm5 gprs[6]
#define ___reg_sys1 orig_gpr2
#define ___reg_sys2 gprs[3]
#define ___reg_sys3 gprs[4]
#define ___reg_sys4 gprs[5]
#define ___reg_sys5 gprs[6]
#define ___reg_ret gprs[14]
#define ___reg_fp gprs[11]
#define ___reg_rc gprs[2]
#define ___reg_sp gprs[15]
#define ___reg_ip psw.addr
#elif defined(__TARGET_ARCH_riscv)
#define ___regs(x) ((const volatile struct user_regs_struct *)(x))
#define ___reg_parm1 a0
#define ___reg_parm2 a1
#define ___reg_parm3 a2
#define ___reg_parm4 a3
#define ___reg_parm5 a4
#define ___reg_parm6 a5
#define ___reg_parm7 a6
#define ___reg_parm8 a7
#define ___reg_sys1 a0
#define ___reg_sys2 a1
#define ___reg_sys3 a2
#define ___reg_sys4 a3
#define ___reg_sys5 a4
#define ___reg_sys6 a5
#define ___reg_sys7 a6
#define ___reg_sys8 a7
#define ___reg_ret ra
#define ___reg_fp s0
#define ___reg_rc a0
#define ___reg_sp sp
#define ___reg_ip pc
#elif defined(__TARGET_ARCH_powerpc)
#define ___regs(x) (x)
#define ___reg_parm1 gpr[3]
#define ___reg_parm2 gpr[4]
#define ___reg_parm3 gpr[5]
#define ___reg_parm4 gpr[6]
#define ___reg_parm5 gpr[7]
#define ___reg_parm6 gpr[8]
#define ___reg_parm7 gpr[9]
#define ___reg_parm8 gpr[10]
#define ___reg_sys1 gpr[3]
#define ___reg_sys2 gpr[4]
#define ___reg_sys3 gpr[5]
#define ___reg_sys4 gpr[6]
#define ___reg_sys5 gpr[7]
#define ___reg_sys6 gpr[8]
#define ___reg_sys7 gpr[9]
#define ___reg_sys8 gpr[10]
#define ___reg_ret link
#define ___reg_fp gpr[31]
#define ___reg_rc gpr[3]
#define ___reg_sp gpr[1]
#define ___reg_ip nip
#elif defined(__TARGET_ARCH_loongarch)
#define ___regs(x) ((const volatile struct user_pt_regs *)(x))
#define ___reg_parm1 regs[4]
#define ___reg_parm2 regs[5]
#define ___reg_parm3 regs[6]
#define ___reg_parm4 regs[7]
#define ___reg_parm5 regs[8]
#define ___reg_parm6 regs[9]
#define ___reg_parm7 regs[10]
#define ___reg_parm8 regs[11]
#define ___reg_sys1 regs[4]
#define ___reg_sys2 regs[5]
#define ___reg_sys3 regs[6]
#define ___reg_sys4 regs[7]
#define ___reg_sys5 regs[8]
#define ___reg_sys6 regs[9]
#define ___reg_sys7 regs[10]
#define ___reg_sys8 regs[11]
#define ___reg_ret regs[1]
#define ___reg_fp regs[22]
#define ___reg_rc regs[4]
#define ___reg_sp regs[3]
#define ___reg_ip csr_era
#endif

#ifdef ___reg_parm1
#define PT_REGS_PARM1(x) (___regs(x)->___reg_parm1)
#define PT_REGS_PARM1_CORE(x) BPF_CORE_READ(___regs(x), ___reg_parm1)
#define PT_REGS_PARM1_SYSCALL(x) (___regs(x)->___reg_sys1)
#define PT_REGS_PARM1_CORE_SYSCALL(x) BPF_CORE_READ(___regs(x), ___reg_sys1)
#endif
#ifdef ___reg_parm2
#define PT_REGS_PARM2(x) (___regs(x)->___reg_parm2)
#define PT_REGS_PARM2_CORE(x) BPF_CORE_READ(___regs(x), ___reg_parm2)
#define PT_REGS_PARM2_SYSCALL(x) (___regs(x)->___reg_sys2)
#define PT_REGS_PARM2_CORE_SYSCALL(x) BPF_CORE_READ(___regs(x), ___reg_sys2)
#endif
#ifdef ___reg_parm3
#define PT_REGS_PARM3(x) (___regs(x)->___reg_parm3)
#define PT_REGS_PARM3_CORE(x) BPF_CORE_READ(___regs(x), ___reg_parm3)
#define PT_REGS_PARM3_SYSCALL(x) (___regs(x)->___reg_sys3)
#define PT_REGS_PARM3_CORE_SYSCALL(x) BPF_CORE_READ(___regs(x), ___reg_sys3)
#endif
#ifdef ___reg_parm4
#define PT_REGS_PARM4(x) (___regs(x)->___reg_parm4)
#define PT_REGS_PARM4_CORE(x) BPF_CORE_READ(___regs(x), ___reg_parm4)
#define PT_REGS_PARM4_SYSCALL(x) (___regs(x)->___reg_sys4)
#define PT_REGS_PARM4_CORE_SYSCALL(x) BPF_CORE_READ(___regs(x), ___reg_sys4)
#endif
#ifdef ___reg_parm5
#define PT_REGS_PARM5(x) (___regs(x)->___reg_parm5)
#define PT_REGS_PARM5_CORE(x) BPF_CORE_READ(___regs(x), ___reg_parm5)
#define PT_REGS_PARM5_SYSCALL(x) (___regs(x)->___reg_sys5)
#define PT_REGS_PARM5_CORE_SYSCALL(x) BPF_CORE_READ(___regs(x), ___reg_sys5)
#endif
#ifdef ___reg_parm6
#define PT_REGS_PARM6(x) (___regs(x)->___reg_parm6)
#define PT_REGS_PARM6_CORE(x) BPF_CORE_READ(___regs(x), ___reg_parm6)
#define PT_REGS_PARM6_SYSCALL(x) (___regs(x)->___reg_sys6)
#define PT_REGS_PARM6_CORE_SYSCALL(x) BPF_CORE_READ(___regs(x), ___reg_sys6)
#endif
#ifdef ___reg_parm7
#define PT_REGS_PARM7(x) (___regs(x)->___reg_parm7)
#define PT_REGS_PARM7_CORE(x) BPF_CORE_READ(___regs(x), ___reg_parm7)
#define PT_REGS_PARM7_SYSCALL(x) (___regs(x)->___reg_sys7)
#define PT_REGS_PARM7_CORE_SYSCALL(x) BPF_CORE_READ(___regs(x), ___reg_sys7)
#endif
#ifdef ___reg_parm8
#define PT_REGS_PARM8(x) (___regs(x)->___reg_parm8)
#define PT_REGS_PARM8_CORE(x) BPF_CORE_READ(___regs(x), ___reg_parm8)
#define PT_REGS_PARM8_SYSCALL(x) (___regs(x)->___reg_sys8)
#define PT_REGS_PARM8_CORE_SYSCALL(x) BPF_CORE_READ(___regs(x), ___reg_sys8)
#endif
#define PT_REGS_RET(x) (___regs(x)->___reg_ret)
#define PT_REGS_RET_CORE(x) BPF_CORE_READ(___regs(x), ___reg_ret)
#define PT_REGS_FP(x) (___regs(x)->___reg_fp)
#define PT_REGS_FP_CORE(x) BPF_CORE_READ(___regs(x), ___reg_fp)
#define PT_REGS_RC(x) (___regs(x)->___reg_rc)
#define PT_REGS_RC_CORE(x) BPF_CORE_READ(___regs(x), ___reg_rc)
#define PT_REGS_SP(x) (___regs(x)->___reg_sp)
#define PT_REGS_SP_CORE(x) BPF_CORE_READ(___regs(x), ___reg_sp)
#define PT_REGS_IP(x) (___regs(x)->___reg_ip)
#define PT_REGS_IP_CORE(x) BPF_CORE_READ(___regs(x), ___reg_ip)

/*
 * Since Linux 4.17 (x86-64), 4.19 (arm64, s390) and 6.6 (riscv) system call functions get one argument: the registers
 * of user space.
 */
#if defined(__TARGET_ARCH_x86) || defined(__TARGET_ARCH_arm64) || defined(__TARGET_ARCH_s390)
#define PT_REGS_SYSCALL_REGS(ctx) ((struct pt_regs *)PT_REGS_PARM1(ctx))
#define ___syscall_arg(regs, n) PT_REGS_PARM##n##_CORE_SYSCALL(regs)
#else
#define PT_REGS_SYSCALL_REGS(ctx) (ctx)
#define ___syscall_arg(regs, n) PT_REGS_PARM##n##_SYSCALL(regs)
#endif

#define ___trace_pick(_0, _1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11, _12, N, ...) N
#define ___trace_count(...) ___trace_pick(_, ##__VA_ARGS__, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define ___trace_paste(a, b) a##b
#define ___trace_apply(name, n) ___trace_paste(name, n)

#define ___prog_args_0(...) ctx
#define ___prog_args_1(...) ctx, (void *)ctx[0]
#define ___prog_args_2(...) ctx, (void *)ctx[0], (void *)ctx[1]
#define ___prog_args_3(...) ctx, (void *)ctx[0], (void *)ctx[1], (void *)ctx[2]
#define ___prog_args_4(...) ctx, (void *)ctx[0], (void *)ctx[1], (void *)ctx[2], (void *)ctx[3]
#define ___prog_args_5(...) ctx, (void *)ctx[0], (void *)ctx[1], (void *)ctx[2], (void *)ctx[3], (void *)ctx[4]
#define ___prog_args_6(...) ctx, (void *)ctx[0], (void *)ctx[1], (void *)ctx[2], (void *)ctx[3], (void *)ctx[4], (void *)ctx[5]
#define ___prog_args_7(...) ctx, (void *)ctx[0], (void *)ctx[1], (void *)ctx[2], (void *)ctx[3], (void *)ctx[4], (void *)ctx[5], (void *)ctx[6]
#define ___prog_args_8(...) ctx, (void *)ctx[0], (void *)ctx[1], (void *)ctx[2], (void *)ctx[3], (void *)ctx[4], (void *)ctx[5], (void *)ctx[6], (void *)ctx[7]
#define ___prog_args_9(...) ctx, (void *)ctx[0], (void *)ctx[1], (void *)ctx[2], (void *)ctx[3], (void *)ctx[4], (void *)ctx[5], (void *)ctx[6], (void *)ctx[7], (void *)ctx[8]
#define ___prog_args_10(...) ctx, (void *)ctx[0], (void *)ctx[1], (void *)ctx[2], (void *)ctx[3], (void *)ctx[4], (void *)ctx[5], (void *)ctx[6], (void *)ctx[7], (void *)ctx[8], (void *)ctx[9]
#define ___prog_args_11(...) ctx, (void *)ctx[0], (void *)ctx[1], (void *)ctx[2], (void *)ctx[3], (void *)ctx[4], (void *)ctx[5], (void *)ctx[6], (void *)ctx[7], (void *)ctx[8], (void *)ctx[9], (void *)ctx[10]
#define ___prog_args_12(...) ctx, (void *)ctx[0], (void *)ctx[1], (void *)ctx[2], (void *)ctx[3], (void *)ctx[4], (void *)ctx[5], (void *)ctx[6], (void *)ctx[7], (void *)ctx[8], (void *)ctx[9], (void *)ctx[10], (void *)ctx[11]
#define ___kprobe_args_0(...) ctx
#define ___kprobe_args_1(...) ctx, (void *)PT_REGS_PARM1(ctx)
#define ___kprobe_args_2(...) ctx, (void *)PT_REGS_PARM1(ctx), (void *)PT_REGS_PARM2(ctx)
#define ___kprobe_args_3(...) ctx, (void *)PT_REGS_PARM1(ctx), (void *)PT_REGS_PARM2(ctx), (void *)PT_REGS_PARM3(ctx)
#define ___kprobe_args_4(...) ctx, (void *)PT_REGS_PARM1(ctx), (void *)PT_REGS_PARM2(ctx), (void *)PT_REGS_PARM3(ctx), (void *)PT_REGS_PARM4(ctx)
#define ___kprobe_args_5(...) ctx, (void *)PT_REGS_PARM1(ctx), (void *)PT_REGS_PARM2(ctx), (void *)PT_REGS_PARM3(ctx), (void *)PT_REGS_PARM4(ctx), (void *)PT_REGS_PARM5(ctx)
#define ___kprobe_args_6(...) ctx, (void *)PT_REGS_PARM1(ctx), (void *)PT_REGS_PARM2(ctx), (void *)PT_REGS_PARM3(ctx), (void *)PT_REGS_PARM4(ctx), (void *)PT_REGS_PARM5(ctx), (void *)PT_REGS_PARM6(ctx)
#define ___kprobe_args_7(...) ctx, (void *)PT_REGS_PARM1(ctx), (void *)PT_REGS_PARM2(ctx), (void *)PT_REGS_PARM3(ctx), (void *)PT_REGS_PARM4(ctx), (void *)PT_REGS_PARM5(ctx), (void *)PT_REGS_PARM6(ctx), (void *)PT_REGS_PARM7(ctx)
#define ___kprobe_args_8(...) ctx, (void *)PT_REGS_PARM1(ctx), (void *)PT_REGS_PARM2(ctx), (void *)PT_REGS_PARM3(ctx), (void *)PT_REGS_PARM4(ctx), (void *)PT_REGS_PARM5(ctx), (void *)PT_REGS_PARM6(ctx), (void *)PT_REGS_PARM7(ctx), (void *)PT_REGS_PARM8(ctx)
#define ___syscall_args_0(...) ctx
#define ___syscall_args_1(...) ctx, (void *)___syscall_arg(___user_regs, 1)
#define ___syscall_args_2(...) ctx, (void *)___syscall_arg(___user_regs, 1), (void *)___syscall_arg(___user_regs, 2)
#define ___syscall_args_3(...) ctx, (void *)___syscall_arg(___user_regs, 1), (void *)___syscall_arg(___user_regs, 2), (void *)___syscall_arg(___user_regs, 3)
#define ___syscall_args_4(...) ctx, (void *)___syscall_arg(___user_regs, 1), (void *)___syscall_arg(___user_regs, 2), (void *)___syscall_arg(___user_regs, 3), (void *)___syscall_arg(___user_regs, 4)
#define ___syscall_args_5(...) ctx, (void *)___syscall_arg(___user_regs, 1), (void *)___syscall_arg(___user_regs, 2), (void *)___syscall_arg(___user_regs, 3), (void *)___syscall_arg(___user_regs, 4), (void *)___syscall_arg(___user_regs, 5)
#define ___syscall_args_6(...) ctx, (void *)___syscall_arg(___user_regs, 1), (void *)___syscall_arg(___user_regs, 2), (void *)___syscall_arg(___user_regs, 3), (void *)___syscall_arg(___user_regs, 4), (void *)___syscall_arg(___user_regs, 5), (void *)___syscall_arg(___user_regs, 6)
#define ___kretprobe_args_0(...) ctx
#define ___kretprobe_args_1(...) ctx, (void *)PT_REGS_RC(ctx)

/* name(ctx) hands the arguments, converted to the types of its parameters, to the body that follows the macro. */
#define ___probe(context, prologue, list, name, args...) \
	name(context); \
	static __always_inline typeof(name(0)) ____##name(context, ##args); \
	typeof(name(0)) name(context) \
	{ \
		prologue \
		_Pragma("clang diagnostic push") \
		_Pragma("clang diagnostic ignored \"-Wint-conversion\"") \
		return ____##name(___trace_apply(list, ___trace_count(args))(args)); \
		_Pragma("clang diagnostic pop") \
	} \
	static __always_inline typeof(name(0)) ____##name(context, ##args)

#define BPF_PROG(name, args...) ___probe(unsigned long long *ctx, , ___prog_args_, name, ##args)
#define BPF_KPROBE(name, args...) ___probe(struct pt_regs *ctx, , ___kprobe_args_, name, ##args)
#define BPF_KRETPROBE(name, args...) ___probe(struct pt_regs *ctx, , ___kretprobe_args_, name, ##args)
#define BPF_UPROBE(name, args...) BPF_KPROBE(name, ##args)
#define BPF_URETPROBE(name, args...) BPF_KRETPROBE(name, ##args)
#define BPF_KSYSCALL(name, args...) \
	___probe(struct pt_regs *ctx, struct pt_regs *___user_regs = PT_REGS_SYSCALL_REGS(ctx);, ___syscall_args_, \
		 name, ##args)
#define BPF_KPROBE_SYSCALL BPF_KSYSCALL

#endif
