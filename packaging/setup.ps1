# Dot-sourced by run.ps1 and test.ps1: finds a fit Python, makes .venv and installs the locked
# dependencies. Wants $Root and $Lock set; sets $Python.

function Test-FitPython([string] $Exe, [string[]] $Arguments) {
    try {
        & $Exe @Arguments -c "import sys; raise SystemExit(not (3, 11) <= sys.version_info[:2] <= (3, 13))" 2>$null
        return $LASTEXITCODE -eq 0
    } catch {
        return $false
    }
}

function Find-FitPython {
    foreach ($candidate in @(@('py', '-3.13'), @('py', '-3.12'), @('py', '-3.11'), @('python'), @('python3'))) {
        $exe = $candidate[0]
        $arguments = @($candidate | Select-Object -Skip 1)
        if ((Get-Command $exe -ErrorAction SilentlyContinue) -and (Test-FitPython $exe $arguments)) {
            return (& $exe @arguments -c "import sys; print(sys.executable)")
        }
    }
    throw "No Python 3.11, 3.12 or 3.13 was found. Install one, for instance: winget install Python.Python.3.13"
}

function Invoke-SetUp {
    $script:Python = Join-Path $Root '.venv\Scripts\python.exe'
    $stamp = Join-Path $Root ".venv\installed-$Lock"
    $want = "$Root " + (Get-FileHash (Join-Path $Root "packaging\$Lock") -Algorithm SHA256).Hash
    if ((Test-Path $stamp) -and ((Get-Content $stamp -Raw).Trim() -eq $want) -and (Test-FitPython $Python @())) {
        return
    }
    if (-not (Test-FitPython $Python @())) {
        $base = Find-FitPython
        Write-Host "Making .venv with $(& $base --version) ..."
        & $base -m venv --clear (Join-Path $Root '.venv')
        if ($LASTEXITCODE -ne 0) { throw "The virtual environment could not be made." }
    }
    Write-Host "Installing the locked dependencies ..."
    & $Python -m pip install --quiet --disable-pip-version-check --require-hashes -r (Join-Path $Root "packaging\$Lock")
    if ($LASTEXITCODE -ne 0) { throw "The dependencies could not be installed: see the lines above." }
    Set-Content -Path $stamp -Value $want
}
