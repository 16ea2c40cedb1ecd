;; A driver that drives nothing: it lists no instances, and its other operations are each a way to misbehave.
(module
  (import "forewarm:plugin/state@0.1.0" "get" (func $get (param i32 i32 i32)))
  (import "forewarm:plugin/state@0.1.0" "set" (func $set (param i32 i32 i32 i32 i32)))

  (memory (export "memory") 1)
  (global $free (mut i32) (i32.const 4096))
  (global $calls (mut i32) (i32.const 0))
  (data (i32.const 16) "key")

  (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
    (global.set $free (i32.add (local.get $at) (local.get $size)))
    (local.get $at))

  ;; 64 zeros from 1024 on are the answer "fine, and nothing" of every function; from 2048 on is an error.
  (func $nothing (result i32) (i32.const 1024))

  (func $error (param $code i32) (result i32)
    (i32.store8 (i32.const 2048) (i32.const 1))
    (i32.store8 (i32.const 2056) (local.get $code))
    (i32.const 2048))

  (func (export "forewarm:plugin/driver@0.1.0#describe") (result i32) (call $nothing))
  (func (export "forewarm:plugin/driver@0.1.0#prices") (param i32) (result i32) (call $nothing))
  (func (export "forewarm:plugin/driver@0.1.0#create") (param i32) (result i32)
    (loop $forever (br $forever))
    unreachable)
  (func (export "forewarm:plugin/driver@0.1.0#list") (param i32 i32 i32) (result i32) (call $nothing))
  ;; `not-found`.
  (func (export "forewarm:plugin/driver@0.1.0#get") (param i32 i32) (result i32) (call $error (i32.const 3)))
  ;; Waits for the state store.
  (func (export "forewarm:plugin/driver@0.1.0#park") (param i32 i32 i32 i32) (result i32)
    (call $get (i32.const 16) (i32.const 3) (i32.const 3072))
    (call $error (i32.const 6)))
  ;; Keeps a value, and answers `unavailable` where that fails, else `unsupported`.
  (func (export "forewarm:plugin/driver@0.1.0#start") (param i32 i32 i32 i32) (result i32)
    (call $set (i32.const 16) (i32.const 3) (i32.const 16) (i32.const 3) (i32.const 3072))
    (call $error (select (i32.const 6) (i32.const 7) (i32.load8_u (i32.const 3072)))))
  (func (export "forewarm:plugin/driver@0.1.0#specialise") (param i32) (result i32) (call $error (i32.const 8)))
  (func (export "forewarm:plugin/driver@0.1.0#reset") (param i32 i32 i32 i32) (result i32) unreachable)
  (func (export "forewarm:plugin/driver@0.1.0#destroy") (param i32 i32 i32 i32) (result i32) (call $nothing)))
