#define _GNU_SOURCE
#include "CNcurses.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <term.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

// ---- What brings the terminal back. Filled before the screen opens, read by signal handlers.

static char restore_text[512];
static size_t restore_length;
static struct termios saved_termios;
static int has_termios;
static int input_fd = 0;
// Where curses writes: a descriptor of its own, so that a crash can cut it off and leave stdout to reports.
static int output_fd = -1;
// stderr is caught in memory while the screen is open, so that no library writes over it; shown when the screen closes.
static int saved_stderr = -1;
static int caught_stderr = -1;
static volatile sig_atomic_t is_open;

static void add_restore(const char *text) {
  if (text == NULL || text == (const char *)-1) return;
  while (*text != 0 && restore_length < sizeof restore_text) {
    // Padding, $<5>, is for tputs only.
    if (text[0] == '$' && text[1] == '<') {
      const char *end = strchr(text, '>');
      if (end != NULL) {
        text = end + 1;
        continue;
      }
    }
    restore_text[restore_length++] = *text++;
  }
}

static void write_all(int fd, const char *bytes, size_t count) {
  while (count > 0) {
    ssize_t written = write(fd, bytes, count);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    bytes += written;
    count -= (size_t)written;
  }
}

static void release_stderr(void) {
  if (saved_stderr < 0) return;
  dup2(saved_stderr, 2);
  close(saved_stderr);
  saved_stderr = -1;
  char block[1024];
  lseek(caught_stderr, 0, SEEK_SET);
  for (int i = 0; i < 64; i++) {
    ssize_t count = read(caught_stderr, block, sizeof block);
    if (count <= 0) break;
    write_all(2, block, (size_t)count);
  }
  close(caught_stderr);
  caught_stderr = -1;
}

static void catch_stderr(void) {
  if (!isatty(2)) return;
  caught_stderr = memfd_create("parcel-stderr", MFD_CLOEXEC);
  if (caught_stderr < 0) return;
  fcntl(caught_stderr, F_SETFL, O_APPEND);
  saved_stderr = fcntl(2, F_DUPFD_CLOEXEC, 3);
  if (saved_stderr >= 0) dup2(caught_stderr, 2);
}

// Brings the terminal back with nothing but async-signal-safe calls. Does nothing when the screen is not open.
static void restore_now(void) {
  if (!is_open) return;
  is_open = 0;
  int saved = errno;
  write_all(1, restore_text, restore_length);
  if (has_termios) tcsetattr(input_fd, TCSANOW, &saved_termios);
  release_stderr();
  errno = saved;
}

// ---- Fatal signals: restore, then die as if nobody had looked.

static const int fatal_signals[] = {SIGSEGV, SIGABRT, SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGQUIT};
enum { fatal_count = sizeof fatal_signals / sizeof fatal_signals[0] };
static struct sigaction old_fatal[fatal_count];

static void on_fatal(int number, siginfo_t *info, void *context) {
  if (is_open) {
    restore_now();
    // The terminal's thread may be in the middle of a frame: what it still writes goes nowhere.
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere >= 0) dup2(nowhere, output_fd);
  }
  for (int i = 0; i < fatal_count; i++) {
    if (fatal_signals[i] != number) continue;
    // The earlier handler (Swift's backtrace) sees the fault as it was. A signal that a person sent has nothing to trace.
    int is_sent = info->si_code == SI_USER || info->si_code == SI_QUEUE;
    if (!is_sent && (old_fatal[i].sa_flags & SA_SIGINFO) && old_fatal[i].sa_sigaction != NULL) {
      old_fatal[i].sa_sigaction(number, info, context);
    }
  }
  // Blocked while this runs, so it arrives when the handler returns: the process never goes on.
  struct sigaction end;
  memset(&end, 0, sizeof end);
  end.sa_handler = SIG_DFL;
  sigaction(number, &end, NULL);
  raise(number);
}

static void install_fatal(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = on_fatal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  for (int i = 0; i < fatal_count; i++) sigaction(fatal_signals[i], &action, &old_fatal[i]);
}

static void remove_fatal(void) {
  for (int i = 0; i < fatal_count; i++) sigaction(fatal_signals[i], &old_fatal[i], NULL);
}

// ---- Signals that become events.

static volatile sig_atomic_t wake_pipe = -1;
static volatile sig_atomic_t stops_seen;
static const int event_signals[] = {SIGWINCH, SIGCONT, SIGTSTP, SIGINT, SIGTERM, SIGHUP};
enum { event_count = sizeof event_signals / sizeof event_signals[0] };
static struct sigaction old_event[event_count];
static int installed_events;

static void on_event(int number) {
  int saved = errno;
  uint8_t letter = CN_WOKE_STOP;
  if (number == SIGWINCH) letter = CN_WOKE_RESIZE;
  if (number == SIGCONT) letter = CN_WOKE_CONTINUE;
  if (number == SIGTSTP) letter = CN_WOKE_SUSPEND;
  if (letter == CN_WOKE_STOP && ++stops_seen > 1) {
    restore_now();
    _exit(130);
  }
  if (wake_pipe >= 0) {
    ssize_t ignored = write(wake_pipe, &letter, 1);
    (void)ignored;
  }
  errno = saved;
}

static void set_handler(int number, void (*handler)(int), struct sigaction *old) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, old);
}

void cn_signals_install(int pipe, int stops) {
  wake_pipe = pipe;
  stops_seen = 0;
  installed_events = stops ? event_count : 3;
  for (int i = 0; i < installed_events; i++) set_handler(event_signals[i], on_event, &old_event[i]);
}

void cn_signals_remove(void) {
  for (int i = 0; i < installed_events; i++) sigaction(event_signals[i], &old_event[i], NULL);
  installed_events = 0;
  wake_pipe = -1;
}

// ---- The screen.

static SCREEN *screen;
static FILE *input_file;
static FILE *output_file;

int cn_check_terminal(int output) {
  int error = 0;
  const char *name = getenv("TERM");
  if (name == NULL || *name == 0) return 1;
  if (setupterm(NULL, output, &error) != OK) return 1;
  const char *move = tigetstr("cup");
  if (move == NULL || move == (const char *)-1) return 2;
  return 0;
}

static const char paste_on[] = "\033[?2004h";
static const char paste_off[] = "\033[?2004l";

static void enter_modes(void) {
  raw();
  noecho();
  nonl();
  keypad(stdscr, TRUE);
  nodelay(stdscr, TRUE);
  // Terminals that do not know it ignore it.
  write_all(1, paste_on, sizeof paste_on - 1);
}

int cn_open(int input) {
  input_fd = input;
  has_termios = tcgetattr(input, &saved_termios) == 0;
  input_file = input == 0 ? stdin : fdopen(dup(input), "r");
  output_fd = fcntl(1, F_DUPFD_CLOEXEC, 3);
  output_file = output_fd >= 0 ? fdopen(output_fd, "w") : NULL;
  if (input_file == NULL || output_file == NULL) return 1;
  screen = newterm(NULL, output_file, input_file);
  if (screen == NULL) return 1;
  set_term(screen);
  // newterm installs handlers of its own for SIGINT, SIGTERM, SIGTSTP and SIGWINCH; ours come later and replace them.
  restore_length = 0;
  add_restore(tigetstr("sgr0"));
  add_restore(tigetstr("op"));
  add_restore(tigetstr("rmkx"));
  add_restore(tigetstr("cnorm"));
  add_restore(paste_off);
  add_restore(tigetstr("rmcup"));
  set_escdelay(25);
  define_key("\033[200~", CN_PASTE_BEGIN);
  define_key("\033[201~", CN_PASTE_END);
  if (has_colors()) {
    start_color();
    use_default_colors();
  }
  curs_set(0);
  leaveok(stdscr, FALSE);
  enter_modes();
  static int registered;
  if (!registered) {
    registered = 1;
    atexit(restore_now);
  }
  catch_stderr();
  is_open = 1;
  install_fatal();
  return 0;
}

// The terminal as the shell wants it.
static void give_back(void) {
  write_all(1, paste_off, sizeof paste_off - 1);
  curs_set(1);
  endwin();
  if (has_termios) tcsetattr(input_fd, TCSADRAIN, &saved_termios);
  is_open = 0;
}

void cn_close(void) {
  if (!is_open) return;
  give_back();
  remove_fatal();
  release_stderr();
}

int cn_colors(void) { return has_colors() ? COLORS : 0; }

int cn_size(int input, int *height, int *width) {
  struct winsize size;
  if (ioctl(input, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) return 1;
  *height = size.ws_row;
  *width = size.ws_col;
  return 0;
}

void cn_resize(int height, int width) { resizeterm(height, width); }

void cn_put(int row, int column, const wchar_t *text, int count, unsigned attributes, int pair) {
  wattr_set(stdscr, attributes, (short)pair, NULL);
  mvwaddnwstr(stdscr, row, column, text, count);
}

void cn_cursor(int row, int column) {
  if (row < 0) {
    curs_set(0);
  } else {
    curs_set(1);
    wmove(stdscr, row, column);
  }
}

void cn_refresh(void) {
  if (is_open) wrefresh(stdscr);
}

void cn_repaint(void) { clearok(stdscr, TRUE); }

int cn_key(wint_t *key) { return wget_wch(stdscr, key); }

static void take_back(void) {
  reset_prog_mode();
  enter_modes();
  clearok(stdscr, TRUE);
}

void cn_continued(void) {
  if (is_open) take_back();
}

void cn_suspend(void) {
  if (!is_open) return;
  give_back();
  struct sigaction ours;
  set_handler(SIGTSTP, SIG_DFL, &ours);
  kill(0, SIGTSTP);
  // Another thread may be the one that takes it, a moment later: with our handler back by then nothing would stop.
  struct timespec moment = {0, 100 * 1000 * 1000};
  while (nanosleep(&moment, &moment) != 0 && errno == EINTR) {
  }
  // Continued. (A process group without a shell is not stopped at all and comes straight here.)
  sigaction(SIGTSTP, &ours, NULL);
  is_open = 1;
  take_back();
}
