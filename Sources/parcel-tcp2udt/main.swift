import ParcelRelayApp

runProgram(TCPToUDTCommand.self)
