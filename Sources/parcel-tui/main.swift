import ParcelApp

await ClientMain.parcelTUI()
