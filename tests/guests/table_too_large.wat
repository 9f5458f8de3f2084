;; A table of ten million entries: 80 MB of the host, which a limit of memory alone does not count.
(module
  (memory (export "memory") 1)
  (table 10000000 funcref)
  (func (export "troupe:component/actor@0.1.0#handle-message")
    (param i64 i32 i64 i32 i32 i32 i32 i64 i32 i32 i32 i32 i32) (result i32)
    (i32.const 1024))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096)))
