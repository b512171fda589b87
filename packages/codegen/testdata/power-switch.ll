; Switches over powers of two as LLVM 20 and later leave them: all functions take and give 64 bits.
target datalayout = "e-m:e-p:64:64-i64:64-i128:128-n32:64-S128"
target triple = "bpfel"

declare i32 @llvm.ctpop.i32(i32)
declare i32 @llvm.cttz.i32(i32, i1)
declare i64 @llvm.ctpop.i64(i64)
declare i64 @llvm.cttz.i64(i64, i1)

define i64 @sizes(i64 %a, i64 %b) {
entry:
  %x = trunc i64 %a to i32
  %count = tail call i32 @llvm.ctpop.i32(i32 %x)
  %one = icmp eq i32 %count, 1
  br i1 %one, label %split, label %end
split:
  %zeros = tail call i32 @llvm.cttz.i32(i32 %x, i1 true)
  switch i32 %zeros, label %end [
    i32 0, label %first
    i32 1, label %second
    i32 3, label %fourth
    i32 31, label %second
  ]
first:
  %f = add i64 %b, 3
  br label %end
second:
  %s = phi i64 [ %b, %split ], [ %b, %split ]
  %t = mul i64 %s, 5
  br label %end
fourth:
  %u = xor i64 %b, 77
  br label %end
end:
  %r = phi i64 [ 9, %entry ], [ 9, %split ], [ %f, %first ], [ %t, %second ], [ %u, %fourth ]
  ret i64 %r
}

define i64 @nowhere(i64 %a, i64 %b) {
entry:
  %x = and i64 %a, 7
  %count = tail call i64 @llvm.ctpop.i64(i64 %x)
  %one = icmp eq i64 %count, 1
  br i1 %one, label %split, label %end
split:
  %zeros = tail call i64 @llvm.cttz.i64(i64 %x, i1 true)
  switch i64 %zeros, label %never [
    i64 0, label %end2
    i64 1, label %end3
    i64 2, label %end4
  ]
never:
  unreachable
end2:
  ret i64 2
end3:
  ret i64 3
end4:
  ret i64 %b
end:
  ret i64 1
}
