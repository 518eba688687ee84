// Protobuf registers what describes its messages before main, which is nine in ten of the
// instructions that a short command executes, for tables that only `-v` reads. A message that is
// asked for its descriptor registers its file by itself: so the linker turns the registrations
// before main (--wrap in CMakeLists.txt) into calls of this. A protobuf whose symbol has another
// name registers at the start, as before.
void RegisterWhenAsked(void* runner, const void* table) asm(
    "__wrap__ZN6google8protobuf8internal20AddDescriptorsRunnerC1EPKNS1_15DescriptorTableE");

void RegisterWhenAsked(void* /*runner*/, const void* /*table*/) {}
