;; A forecaster that predicts the last value it saw, at every level. What is in capitals is replaced: each hostile guest
;; is this one with another body for one function.
(module
  (import "forewarm:plugin/host@0.1.0" "log" (func $log (param i32 i32 i32 i32 i32)))
  (import "forewarm:plugin/host@0.1.0" "now" (func $now (result i64)))
  (import "forewarm:plugin/host@0.1.0" "config" (func $config (param i32)))
  (import "[export]forewarm:plugin/forecaster@0.1.0" "[resource-new]model" (func $model_new (param i32) (result i32)))

  (memory (export "memory") 1)
  (global $free (mut i32) (i32.const 1024))
  (global $last (mut f64) (f64.const 0))
  ;; At 0: summary (empty), min-history, max-history, max-horizon.
  (data (i32.const 8) "\01\00\00\00\10\27\00\00\a0\05\00\00")

  (func $realloc (export "cabi_realloc") (param $old i32) (param $old_size i32) (param $align i32) (param $size i32)
    (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
    (global.set $free (i32.add (local.get $at) (local.get $size)))
    (block $fits
      (loop $grow
        (br_if $fits (i32.ge_u (i32.shl (memory.size) (i32.const 16)) (global.get $free)))
        (br_if $grow (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))
        unreachable))
    (local.get $at))

  ;; At 64: the answer of a call, whose first byte says whether it is an error.
  (func $ok (param $a i32) (param $b i32) (result i32)
    (i32.store8 (i32.const 64) (i32.const 0))
    (i32.store (i32.const 68) (local.get $a))
    (i32.store (i32.const 72) (local.get $b))
    (i32.const 64))

  (func (export "forewarm:plugin/forecaster@0.1.0#describe") (result i32)
    DESCRIBE
    (i32.const 0))

  (func $observe (param $values i32) (param $count i32)
    (if (local.get $count)
      (then (global.set $last
        (f64.load (i32.add (local.get $values) (i32.shl (i32.sub (local.get $count) (i32.const 1)) (i32.const 3))))))))

  (func (export "forewarm:plugin/forecaster@0.1.0#[static]model.fit")
    (param $start i64) (param $step i32) (param $values i32) (param $count i32) (result i32)
    FIT
    (call $observe (local.get $values) (local.get $count))
    (call $ok (call $model_new (i32.const 1)) (i32.const 0)))

  (func (export "forewarm:plugin/forecaster@0.1.0#[method]model.observe")
    (param $self i32) (param $values i32) (param $count i32) (result i32)
    OBSERVE
    (call $observe (local.get $values) (local.get $count))
    (call $ok (i32.const 0) (i32.const 0)))

  (func $recurse (param i32) (result i32)
    (i32.add (call $recurse (i32.add (local.get 0) (i32.const 1))) (call $recurse (local.get 0))))

  (func (export "forewarm:plugin/forecaster@0.1.0#[method]model.forecast")
    (param $self i32) (param $horizon i32) (param $levels i32) (param $count i32) (result i32)
    (local $paths i32) (local $path i32) (local $values i32) (local $level i32) (local $step i32)
    FORECAST
    (local.set $paths (call $realloc (i32.const 0) (i32.const 0) (i32.const 8)
      (i32.shl (local.get $count) (i32.const 4))))
    (loop $next_level
      (local.set $path (i32.add (local.get $paths) (i32.shl (local.get $level) (i32.const 4))))
      (local.set $values (call $realloc (i32.const 0) (i32.const 0) (i32.const 8)
        (i32.shl (local.get $horizon) (i32.const 3))))
      (f64.store (local.get $path)
        (f64.load (i32.add (local.get $levels) (i32.shl (local.get $level) (i32.const 3)))))
      (i32.store offset=8 (local.get $path) (local.get $values))
      (i32.store offset=12 (local.get $path) (local.get $horizon))
      (local.set $step (i32.const 0))
      (loop $next_step
        (f64.store (i32.add (local.get $values) (i32.shl (local.get $step) (i32.const 3))) (global.get $last))
        (local.set $step (i32.add (local.get $step) (i32.const 1)))
        (br_if $next_step (i32.lt_u (local.get $step) (local.get $horizon))))
      (local.set $level (i32.add (local.get $level) (i32.const 1)))
      (br_if $next_level (i32.lt_u (local.get $level) (local.get $count))))
    (call $ok (local.get $paths) (local.get $count)))

  (func (export "forewarm:plugin/forecaster@0.1.0#[method]model.save") (param $self i32) (result i32)
    SAVE
    (f64.store (i32.const 96) (global.get $last))
    (call $ok (i32.const 96) (i32.const 8)))

  (func (export "forewarm:plugin/forecaster@0.1.0#[static]model.restore") (param $saved i32) (param $count i32)
    (result i32)
    (global.set $last (f64.load (local.get $saved)))
    (call $ok (call $model_new (i32.const 1)) (i32.const 0)))

  (func (export "forewarm:plugin/forecaster@0.1.0#seasonality")
    (param $start i64) (param $step i32) (param $values i32) (param $count i32) (result i32)
    (call $ok (i32.const 0) (i32.const 0))))
