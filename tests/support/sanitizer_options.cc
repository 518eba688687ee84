// What the sanitizers' libraries are told in a build with REEVE_SANITIZE. It is linked into every
// program, since a variable would be lost on the way: daemons, step daemons and tasks each have an
// environment of their own. ASAN_OPTIONS, UBSAN_OPTIONS and TSAN_OPTIONS come after it and win.
//
// A report goes into a file, REPORTS.PROGRAM.PID: a daemon's stderr is nobody's, and one that is
// killed has no exit code. scripts/test fails when there is one.
#define TO_FILE "log_path=" REPORTS ":log_exe_name=1"

extern "C" {

const char* __asan_default_options() {
  return TO_FILE
      ":detect_stack_use_after_return=1:strict_string_checks=1:check_initialization_order=1";
}

const char* __ubsan_default_options() {
  return TO_FILE ":print_stacktrace=1";
}

const char* __tsan_default_options() {
  return TO_FILE ":suppressions=" SUPPORT "/tsan.supp:second_deadlock_stack=1:history_size=4";
}

}  // extern "C"
