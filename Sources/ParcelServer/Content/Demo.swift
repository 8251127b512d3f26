/// What the demo serves: a mix of sizes as genomics projects have them, made from seeds.
package enum Demo {
  /// 42 objects, about 1.3 GB at `scale` 1. Sizes are multiplied by `scale` and stay at 1 byte or more.
  package static func items(scale: Double = 1) -> [GeneratedContent.Item] {
    let projects = ["ACC", "BLCA", "BRCA", "COAD", "GBM", "KIRC", "LUAD", "OV", "PRAD", "SKCM"]
    var plan: [(name: String, size: Int)] = []
    for i in 0..<30 {
      let project = projects[i % projects.count]
      let kinds = ["star_gene_counts.tsv.gz", "mutect2.somatic.maf.gz", "mirnas.quantification.txt"]
      plan.append(("TCGA-\(project)-\(sample(i)).\(kinds[i / projects.count])", 20_000 + spread(i, 880_000)))
    }
    for i in 0..<8 {
      plan.append(
        ("TCGA-\(projects[i])-\(sample(40 + i)).varscan2.vcf.gz", 4_000_000 + spread(40 + i, 36_000_000)))
    }
    let large = [154_000_000, 243_500_000, 305_250_000, 348_750_000]
    for i in 0..<4 {
      plan.append(("C3L-0\(7036 + 11 * i).rna_seq.genomic.gdc_realn.bam", large[i]))
    }
    return plan.enumerated().map { index, file in
      GeneratedContent.Item(
        path: file.name, size: max(1, Int(Double(file.size) * scale)), seed: 0x7061_7263_656C + UInt64(index))
    }
  }

  /// `A1B2`: two letters and two digits that differ from sample to sample.
  private static func sample(_ index: Int) -> String {
    let letters = Array("ABCDEFGHJKLMNPQRSTUVWXYZ")
    let n = spread(index, 57_600)
    return "\(letters[n % 24])\(n / 24 % 10)\(letters[n / 240 % 24])\(index % 10)"
  }

  /// A number from 0 up to, not including, `limit`, that looks random and is always the same.
  private static func spread(_ index: Int, _ limit: Int) -> Int {
    var bytes = [UInt8](repeating: 0, count: 4)
    bytes.withUnsafeMutableBytes { GeneratedBytes(seed: 42).fill($0, from: index * 8) }
    let number = bytes.reduce(0) { $0 << 8 | Int($1) }
    return number % limit
  }
}
