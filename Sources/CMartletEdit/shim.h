// The system's libedit: line editing at a terminal.
#pragma once
#include <stdio.h>
#include <editline/readline.h>
