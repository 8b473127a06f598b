# Completion of kubectl-mc for PowerShell, loaded by: kubectl mc completion powershell | Out-String | Invoke-Expression
# What completes `kubectl mc` is kubectl's own completion: see `kubectl mc completion --help`.

Register-ArgumentCompleter -Native -CommandName 'kubectl-mc' -ScriptBlock {
    param($word, $syntaxTree, $cursor)
    # Words as they are meant, without their quotes. What only PowerShell could work out stays as it was typed.
    $words = @($syntaxTree.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursor } | ForEach-Object {
        if ($_ -isnot [System.Management.Automation.Language.StringConstantExpressionAst]) { $_.Extent.Text }
        elseif ($_.StringConstantType -eq 'BareWord') { $_.Value -replace '^~(?=[/\\])', $HOME }
        else { $_.Value }
    })
    $program = $words[0]
    $before = @($words | Select-Object -Skip 1)
    $typed = $word -replace '^["'']|["'']$', ''
    # Before 7.3 an empty argument is lost unless it is quoted twice.
    $last = $typed
    if ($typed -eq '' -and ($PSVersionTable.PSVersion -lt [version]'7.3' -or $PSNativeCommandArgumentPassing -eq 'Legacy')) {
        $last = '""'
    }
    $option = ''
    if ($typed -match '^(-[^=]*=)') { $option = $Matches[1] }
    # The last line says whether there are files to complete; those before it are values.
    $lines = @(& $program __complete @before $last 2>$null)
    if ($lines.Count -gt 0 -and $lines[-1] -in ':0', ':16') {
        [System.Management.Automation.CompletionCompleters]::CompleteFilename($typed.Substring($option.Length)) | ForEach-Object {
            [System.Management.Automation.CompletionResult]::new($option + $_.CompletionText, $_.ListItemText, $_.ResultType, $_.ToolTip)
        }
        return
    }
    # Without any answer PowerShell would complete files.
    if ($lines.Count -lt 2) { return '' }
    $lines | Select-Object -SkipLast 1 | ForEach-Object {
        $value, $description = $_ -split "`t", 2
        if (-not $description) { $description = $value }
        $text = "$option$value"
        if ($text -notmatch '^[\w./:=+-][\w./:=+@-]*$') { $text = "'" + $text.Replace("'", "''") + "'" }
        [System.Management.Automation.CompletionResult]::new($text, $value, 'ParameterValue', $description)
    }
}
