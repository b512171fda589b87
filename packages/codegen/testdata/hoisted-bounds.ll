; Compares in loops with bounds that were taken out of the loop: all functions take and give 64 bits. Rounds stay few.
target datalayout = "e-m:e-p:64:64-i64:64-i128:128-n32:64-S128"
target triple = "bpfel"

declare i32 @llvm.umin.i32(i32, i32)
declare i32 @llvm.smin.i32(i32, i32)
declare i64 @llvm.umin.i64(i64, i64)
declare i64 @llvm.umax.i64(i64, i64)
declare i64 @llvm.smin.i64(i64, i64)
declare i64 @llvm.smax.i64(i64, i64)

define i64 @unsigned_min(i64 %a, i64 %b) {
entry:
  %x = trunc i64 %a to i32
  %y = and i64 %b, 63
  %z = trunc i64 %y to i32
  %bound = tail call i32 @llvm.umin.i32(i32 %x, i32 %z)
  br label %loop
loop:
  %i = phi i32 [ 0, %entry ], [ %next, %loop ]
  %next = add i32 %i, 1
  %more = icmp ult i32 %next, %bound
  br i1 %more, label %loop, label %end
end:
  %r = zext i32 %next to i64
  ret i64 %r
}

define i64 @extended_min(i64 %a, i64 %b) {
entry:
  %x = trunc i64 %a to i32
  %y = and i64 %b, 63
  %z = trunc i64 %y to i32
  %bound = tail call i32 @llvm.umin.i32(i32 %x, i32 %z)
  %wide = zext i32 %bound to i64
  br label %loop
loop:
  %i = phi i64 [ -3, %entry ], [ %next, %loop ]
  %next = add i64 %i, 1
  %done = icmp sle i64 %wide, %next
  br i1 %done, label %end, label %loop
end:
  ret i64 %next
}

define i64 @signed_min(i64 %a, i64 %b) {
entry:
  %y = ashr i64 %b, 58
  %bound = tail call i64 @llvm.smin.i64(i64 %a, i64 %y)
  br label %loop
loop:
  %i = phi i64 [ -40, %entry ], [ %next, %loop ]
  %next = add i64 %i, 1
  %done = icmp sge i64 %next, %bound
  br i1 %done, label %end, label %loop
end:
  ret i64 %next
}

define i64 @sign_extended_min(i64 %a, i64 %b) {
entry:
  %x = trunc i64 %a to i32
  %y = ashr i64 %b, 58
  %z = trunc i64 %y to i32
  %bound = tail call i32 @llvm.smin.i32(i32 %x, i32 %z)
  %wide = sext i32 %bound to i64
  br label %loop
loop:
  %i = phi i64 [ -40, %entry ], [ %next, %loop ]
  %next = add i64 %i, 1
  %more = icmp sgt i64 %wide, %next
  br i1 %more, label %loop, label %end
end:
  ret i64 %next
}

define i64 @not_negative_min(i64 %a, i64 %b) {
entry:
  %x = trunc i64 %a to i32
  %p = and i32 %x, 2147483647
  %y = and i64 %b, 63
  %z = trunc i64 %y to i32
  %bound = tail call i32 @llvm.smin.i32(i32 %p, i32 %z)
  %wide = zext nneg i32 %bound to i64
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
  %next = add i64 %i, 1
  %more = icmp ult i64 %next, %wide
  br i1 %more, label %loop, label %end
end:
  ret i64 %next
}

define i64 @unsigned_max(i64 %a, i64 %b) {
entry:
  %x = and i64 %a, 31
  %y = and i64 %b, 63
  %bound = tail call i64 @llvm.umax.i64(i64 %x, i64 %y)
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
  %next = add i64 %i, 1
  %more = icmp ule i64 %next, %bound
  br i1 %more, label %loop, label %end
end:
  ret i64 %next
}

define i64 @signed_max(i64 %a, i64 %b) {
entry:
  %x = ashr i64 %a, 59
  %y = ashr i64 %b, 58
  %bound = tail call i64 @llvm.smax.i64(i64 %x, i64 %y)
  br label %outer
outer:
  %n = phi i64 [ 0, %entry ], [ %n1, %latch ]
  %sum = phi i64 [ 0, %entry ], [ %sum1, %latch ]
  br label %inner
inner:
  %i = phi i64 [ -50, %outer ], [ %next, %inner ]
  %next = add i64 %i, 1
  %stop = icmp sgt i64 %next, %bound
  br i1 %stop, label %latch, label %inner
latch:
  %sum1 = add i64 %sum, %next
  %n1 = add i64 %n, 1
  %again = icmp ult i64 %n1, 3
  br i1 %again, label %outer, label %end
end:
  ret i64 %sum1
}

; The order of the compare is not that of the choice: it must stay.
define i64 @kept(i64 %a, i64 %b) {
entry:
  %x = ashr i64 %a, 59
  %y = ashr i64 %b, 58
  %bound = tail call i64 @llvm.smin.i64(i64 %x, i64 %y)
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
  %next = add i64 %i, 1
  %low = icmp ult i64 %next, %bound
  %few = icmp ult i64 %next, 40
  %more = and i1 %low, %few
  br i1 %more, label %loop, label %end
end:
  ret i64 %next
}
