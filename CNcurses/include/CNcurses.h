// ncursesw for Swift: what the importer leaves out (macros, globals, variadic calls), and the parts of terminal care that must be
// safe inside a signal handler and so cannot be Swift.
#ifndef CNCURSES_H
#define CNCURSES_H
// Without this line the importer sees no wide characters: defines of the build do not reach it.
#define NCURSES_WIDECHAR 1
#include <ncurses.h>
#include <stdint.h>
#include <wchar.h>

// Attributes, which are macros with casts.
static const unsigned CN_BOLD = A_BOLD;
static const unsigned CN_DIM = A_DIM;
static const unsigned CN_REVERSE = A_REVERSE;

// Codes that cn_key answers for keys that ncurses has no name for.
static const int CN_PASTE_BEGIN = 2000;
static const int CN_PASTE_END = 2001;

// Looks whether the terminal can be drawn on. 0: yes; 1: TERM is not set or unknown; 2: it cannot move the cursor.
int cn_check_terminal(int output);
// Begins the full screen on the process's stdout and `input`. 0 when that worked.
int cn_open(int input);
// Ends it, in the ordinary way.
void cn_close(void);
// Number of colours, 0 for none.
int cn_colors(void);
// Asks the terminal for its size. 0 when it answered.
int cn_size(int input, int *rows, int *columns);
// Takes a new size.
void cn_resize(int rows, int columns);
// Writes `count` wide characters with one look.
void cn_put(int row, int column, const wchar_t *text, int count, unsigned attributes, int pair);
// Shows the cursor there, or hides it when `row` is negative.
void cn_cursor(int row, int column);
void cn_refresh(void);
// Everything is drawn again with the next refresh.
void cn_repaint(void);
// The next key without waiting: ERR for none; KEY_CODE_YES with `*key` a curses code; OK with `*key` a character.
int cn_key(wint_t *key);
// Gives the terminal to the shell, stops the process group, and takes the terminal back when it is continued.
void cn_suspend(void);
// Continued after a stop that was not asked for here: takes the terminal back.
void cn_continued(void);

// Letters that the signal handlers write to the wake-up pipe.
static const uint8_t CN_WOKE_RESIZE = 'R';
static const uint8_t CN_WOKE_STOP = 'S';
static const uint8_t CN_WOKE_SUSPEND = 'Z';
static const uint8_t CN_WOKE_CONTINUE = 'C';

// Installs handlers for SIGWINCH, SIGTSTP, SIGCONT, with `stops` also for SIGINT, SIGTERM and SIGHUP; they write a letter to `pipe`. The
// second stop signal restores the terminal and ends the process with 130.
void cn_signals_install(int pipe, int stops);
void cn_signals_remove(void);
#endif
