import ParcelRelayApp

if RelayCommand.isMeant(by: Array(CommandLine.arguments.dropFirst())) {
  runProgram(RelayCommand.self)
} else {
  runProgram(ServerCommand.self)
}
