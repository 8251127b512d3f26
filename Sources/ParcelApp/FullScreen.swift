import ParcelCLI
import ParcelCore
struct FullScreen {
  let options: ClientOptions
  let program: String
  func run() async -> ExitCode { .usage }
}
