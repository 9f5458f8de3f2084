;; Imports its memory, so it has none of its own.
(module
  (import "env" "memory" (memory 1))
  (func (export "troupe:component/actor@0.1.0#handle-message")
    (param i64 i32 i64 i32 i32 i32 i32 i64 i32 i32 i32 i32 i32) (result i32)
    (i32.const 1024))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096)))
