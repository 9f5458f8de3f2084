;; Its start function traps: no life begins, and that is a failed start, not a crash of the host.
(module
  (memory (export "memory") 1)
  (func $start (unreachable))
  (start $start)
  (func (export "troupe:component/actor@0.1.0#handle-message")
    (param i64 i32 i64 i32 i32 i32 i32 i64 i32 i32 i32 i32 i32) (result i32)
    (i32.const 1024))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096)))
